// Builds the images with the engine that is there: `npm run images -- --help`.
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { images } from './contexts.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const known = Object.keys(images);
const usage = `usage: npm run images -- [NAME…] [options]

NAME                     folders of images/; default: all
                         ${known.join(', ')}
--base IMAGE             the image to build on (build argument BASE_IMAGE)
--build-arg NAME=VALUE   another build argument; may be repeated
--org TEXT               first part of the image's name; default gateway-provisioners
--tag TEXT               default latest
--network TEXT           network of the build, as docker build takes it
--cache-from IMAGE       an image whose layers may be used again; may be repeated
--spark-home FOLDER      for spark: a Spark of this machine instead of PyPI's
--toree-assembly FILE    for spark: Toree's assembly of this machine instead of PyPI's

kernel-scala and kernel-spark-py are made of the image spark, and kernel-spark-py of kernel-py, by the same --org and --tag.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: 'string' },
    'build-arg': { type: 'string', multiple: true, default: [] },
    org: { type: 'string', default: 'gateway-provisioners' },
    tag: { type: 'string', default: 'latest' },
    network: { type: 'string' },
    'cache-from': { type: 'string', multiple: true, default: [] },
    'spark-home': { type: 'string' },
    'toree-assembly': { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

function findEngine() {
  for (const program of ['docker', 'podman']) {
    if (spawnSync(program, ['version'], { stdio: 'ignore' }).status === 0) return program;
  }
  throw new Error('neither docker nor podman reaches an engine: start one, or set DOCKER_HOST');
}

/** The engine's, which may be another machine's. */
function architectureOf(engine) {
  const format = engine === 'docker' ? '{{.Server.Arch}}' : '{{.Server.OsArch}}';
  const { stdout } = spawnSync(engine, ['version', '--format', format], { encoding: 'utf8' });
  return stdout.trim().replace(/^linux\//, '');
}

const imageOf = (name) => `${values.org}/${name}:${values.tag}`;

async function build(engine, name) {
  const { prepare, base, sparkImage } = images[name];
  const context = await mkdtemp(join(tmpdir(), 'gp-image-'));
  try {
    await cp(join(here, name), context, { recursive: true });
    await prepare({ context, values, architecture: architectureOf(engine) });
    const image = imageOf(name);
    const baseImage = values.base ?? (base === undefined ? undefined : imageOf(base));
    const buildArgs = [
      ...(baseImage === undefined ? [] : [`BASE_IMAGE=${baseImage}`]),
      ...(sparkImage === undefined ? [] : [`SPARK_IMAGE=${imageOf(sparkImage)}`]),
      // Last, because the last one counts.
      ...values['build-arg'],
    ];
    const network = values.network === undefined ? [] : ['--network', values.network];
    const cache = values['cache-from'].flatMap((from) => ['--cache-from', from]);
    const args = buildArgs.flatMap((arg) => ['--build-arg', arg]);
    const argv = ['build', ...network, ...cache, ...args, '--tag', image, context];
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
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no image ${unknown.join(', ')}; there are ${known.join(', ')}`);
  const engine = findEngine();
  // In the order of the list: some are made of others.
  for (const name of known.filter((each) => positionals.length === 0 || positionals.includes(each))) {
    process.stdout.write(`${await build(engine, name)}\n`);
  }
}
