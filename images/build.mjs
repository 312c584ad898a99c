// Builds images of kernels with the engine that is there: `npm run images -- --help`.
import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
const launchers = join(here, '..', 'packages', 'launchers');
const usage = `usage: npm run images -- [NAME…] [options]

NAME                     folders of images/; default: all
--base IMAGE             the image to build on (build argument BASE_IMAGE)
--build-arg NAME=VALUE   another build argument; may be repeated
--org TEXT               first part of the image's name; default gateway-provisioners
--tag TEXT               default latest
--network TEXT           network of the build, as docker build takes it
`;

/** What each image takes from packages/launchers. */
const parts = { 'kernel-py': ['python', 'bootstrap'] };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: 'string' },
    'build-arg': { type: 'string', multiple: true, default: [] },
    org: { type: 'string', default: 'gateway-provisioners' },
    tag: { type: 'string', default: 'latest' },
    network: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

function findEngine() {
  for (const program of ['docker', 'podman']) {
    if (spawnSync(program, ['version'], { stdio: 'ignore' }).status === 0) return program;
  }
  throw new Error('neither docker nor podman reaches an engine: start one, or set DOCKER_HOST');
}

async function build(engine, name) {
  const context = await mkdtemp(join(tmpdir(), 'gp-image-'));
  try {
    await cp(join(here, name), context, { recursive: true });
    for (const part of parts[name]) {
      const filter = (path) => !path.includes('__pycache__');
      await cp(join(launchers, part), join(context, 'launchers', part), { recursive: true, filter });
    }
    // Kept by COPY, so that no engine needs to know COPY --chmod.
    await chmod(join(context, 'launchers', 'bootstrap', 'bootstrap-kernel.sh'), 0o755);
    const image = `${values.org}/${name}:${values.tag}`;
    const buildArgs = [...(values.base === undefined ? [] : [`BASE_IMAGE=${values.base}`]), ...values['build-arg']];
    const network = values.network === undefined ? [] : ['--network', values.network];
    const argv = ['build', ...network, ...buildArgs.flatMap((arg) => ['--build-arg', arg]), '--tag', image, context];
    // The classic builder takes base images that are in the engine alone, which the other asks a registry for.
    const env = { ...process.env, DOCKER_BUILDKIT: process.env.DOCKER_BUILDKIT ?? '0' };
    const { status, error } = spawnSync(engine, argv, { stdio: 'inherit', env });
    if (status !== 0) throw new Error(`the build of ${image} failed`, { cause: error });
    return image;
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

if (values.help) {
  process.stdout.write(usage);
} else {
  const folders = (await readdir(here, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const known = folders.map(({ name }) => name);
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no image ${unknown.join(', ')}; there are ${known.join(', ')}`);
  const engine = findEngine();
  for (const name of positionals.length === 0 ? known : positionals) {
    process.stdout.write(`${await build(engine, name)}\n`);
  }
}
