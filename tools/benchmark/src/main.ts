/**
 * Measures a raw client, our gateway and any other server side by side, in one run on one machine.
 * `npm run benchmark -- --help` tells how.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Report } from './report.ts';
import { benchmarkContainers } from './containers.ts';
import { benchmarkBursts, benchmarkIdle, benchmarkLaunchBaseline, benchmarkRaw, benchmarkServer } from './scenario.ts';
import type { ScenarioOptions } from './scenario.ts';
import { benchmarkRoundTrips } from './round-trips.ts';
import { fakeKernelFlood } from './flood.ts';
import type { ServerDefinition } from './server.ts';

const help = `npm run benchmark -- [options]

  --server FILE     another server to measure, besides the gateway; may be given several times
                    (see tools/benchmark/servers)
  --only WORDS      comma-separated: raw, servers, idle, trips, bursts, flood; containers, which is not among the
                    defaults: it needs an engine (DOCKER_HOST) and the address where containers reach this machine
                    (GP_TEST_DOCKER_GATEWAY)
  --image NAME      for containers: an image with ipykernel and a launcher; default: gp-test/kernel-py
  --python PATH     a Python with ipykernel; default: $GP_TEST_PYTHON
  --nice=N          for trips, on a machine that does other work: everything measured gets the processors as with this
                    nice value, -20 to 19; takes root and a session of its own (setsid -w npm run benchmark …)
  --quick           fewer repetitions
  --json FILE       also write the figures as JSON
`;

const { values } = parseArgs({
  options: {
    server: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', default: 'raw,servers,idle,trips,bursts,flood' },
    image: { type: 'string', default: 'gp-test/kernel-py' },
    python: { type: 'string' },
    nice: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(help);
} else {
  const python = values.python ?? process.env['GP_TEST_PYTHON'];
  if (python === undefined) throw new Error('a Python with ipykernel is needed: --python PATH or GP_TEST_PYTHON');
  const here = dirname(fileURLToPath(import.meta.url));
  const root = resolve(here, '..', '..', '..');
  const folder = await mkdtemp(join(tmpdir(), 'benchmark-'));
  try {
    const nice = values.nice === undefined ? undefined : Number(values.nice);
    const options = await prepare({ root, folder, python, nice, quick: values.quick, image: values.image });
    const report = new Report();
    const only = values.only.split(',');
    if (only.includes('raw')) await benchmarkRaw(report, options);
    const definitions = await Promise.all(
      [join(here, '..', 'servers', 'gateway.json'), ...values.server].map(readDefinition),
    );
    if (only.includes('servers')) {
      for (const definition of definitions) await benchmarkServer(report, definition, options);
    }
    if (only.includes('idle')) {
      for (const definition of definitions) await benchmarkIdle(report, definition, options);
    }
    if (only.includes('trips')) {
      for (const definition of definitions) await benchmarkRoundTrips(report, definition, options);
    }
    if (only.includes('bursts')) {
      await benchmarkLaunchBaseline(report, options);
      for (const definition of definitions) await benchmarkBursts(report, definition, options);
    }
    if (only.includes('flood')) await fakeKernelFlood(report, options);
    if (only.includes('containers')) {
      const containers = { ...options, image: values.image, env: { ...options.env, ...dockerEnv(process.env) } };
      for (const definition of definitions) await benchmarkContainers(report, definition, containers);
    }
    console.log(`${cpus().length} cores, Node ${process.versions.node}\n\n${report.table()}`);
    if (values.json !== undefined) await writeFile(values.json, JSON.stringify(report.figures, null, 2));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readDefinition(file: string): Promise<ServerDefinition> {
  return JSON.parse(await readFile(resolve(file), 'utf8')) as ServerDefinition;
}

async function prepare(given: {
  readonly root: string;
  readonly folder: string;
  readonly python: string;
  readonly nice: number | undefined;
  readonly quick: boolean;
  readonly image: string;
}): Promise<ScenarioOptions> {
  const kernels = {
    'bench-python': [given.python, '-Xfrozen_modules=off', '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
    'bench-fake': [
      process.execPath,
      join(given.root, 'packages/testkit/programs/fake-kernel.mjs'),
      '{connection_file}',
    ],
    'bench-flood': [process.execPath, join(given.root, 'tools/benchmark/dist/flood-kernel.js'), '{connection_file}'],
  };
  for (const [name, argv] of Object.entries(kernels)) {
    const specFolder = join(given.folder, 'jupyter', 'kernels', name);
    await mkdir(specFolder, { recursive: true });
    await writeFile(
      join(specFolder, 'kernel.json'),
      JSON.stringify({ argv, display_name: name, language: 'none', metadata: {} }),
    );
  }
  await installContainerKernel(given);
  const home = join(given.folder, 'home');
  await mkdir(home);
  return {
    folder: given.folder,
    kernels,
    values: { root: given.root, python: given.python, node: process.execPath },
    repetitions: given.quick ? 3 : 10,
    roundTrips: given.quick ? 200 : 1000,
    nice: given.nice,
    env: {
      PATH: process.env['PATH'],
      HOME: home,
      LANG: process.env['LANG'] ?? 'C.UTF-8',
      JUPYTER_PATH: join(given.folder, 'jupyter'),
    },
  };
}

async function installContainerKernel({ folder, image }: { readonly folder: string; readonly image: string }) {
  const specFolder = join(folder, 'jupyter', 'kernels', 'bench-container');
  await mkdir(specFolder, { recursive: true });
  const metadata = { kernel_provisioner: { provisioner_name: 'docker-provisioner', config: { image_name: image } } };
  const kernelJson = { argv: [], display_name: 'bench-container', language: 'python', metadata };
  await writeFile(join(specFolder, 'kernel.json'), JSON.stringify(kernelJson));
}

/** What gateway and `docker` need to find the engine. */
function dockerEnv({ DOCKER_HOST, GP_TEST_DOCKER_GATEWAY }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (GP_TEST_DOCKER_GATEWAY === undefined)
    throw new Error('GP_TEST_DOCKER_GATEWAY is not set: tools/testbeds/docker.sh env');
  return {
    ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }),
    GP_RESPONSE_IP: GP_TEST_DOCKER_GATEWAY,
    GP_RESPONSE_PORT: '0',
  };
}
