// What the build of each image is given besides the files of its folder.
import { execFile } from 'node:child_process';
import { access, chmod, cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const launchers = join(root, 'packages', 'launchers');

/** Parts of packages/launchers. */
const withLaunchers =
  (...parts) =>
  async ({ context }) => {
    for (const part of ['bootstrap', ...parts]) {
      const from = part === 'scala' ? join('scala', 'lib') : part;
      const filter = (path) => !/__pycache__|[\\/]test$/.test(path);
      await cp(join(launchers, from), join(context, 'launchers', from), { recursive: true, filter });
    }
    // Kept by COPY, so that no engine needs to know COPY --chmod.
    await chmod(join(context, 'launchers', 'bootstrap', 'bootstrap-kernel.sh'), 0o755);
  };

/** Spark and Toree where the machine has them; empty folders, and they are fetched in the build. */
async function withSpark({ context, values }) {
  const [spark, toree] = [join(context, 'spark'), join(context, 'toree')];
  for (const folder of [spark, toree]) await mkdir(folder);
  if (values['spark-home'] !== undefined) {
    const left = new Set(['examples', 'data'].map((name) => join(values['spark-home'], name)));
    const filter = (path) => !path.includes('__pycache__') && !left.has(path);
    await cp(values['spark-home'], spark, { recursive: true, dereference: true, filter });
  }
  const assembly = values['toree-assembly'];
  if (assembly !== undefined) await cp(assembly, join(toree, basename(assembly)));
}

/** npm's names of the architectures that engines name. */
const architectures = { amd64: 'x64', arm64: 'arm64' };

function npmCpu(architecture) {
  const cpu = architectures[architecture];
  if (cpu === undefined) throw new Error(`there is no Deno for the architecture ${architecture} of the engine`);
  return cpu;
}

/** npm of this machine, with its settings, which do not get into the image. */
async function npm(args, cwd) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)/.test(name)),
  );
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'];
  await run('npm', [...args, ...quiet], { cwd, env, maxBuffer: 1 << 26 });
}

async function withDeno(options) {
  const { context, architecture } = options;
  await withLaunchers('node')(options);
  const { deno } = (await manifest('apps/cli')).optionalDependencies;
  const cpu = npmCpu(architecture);
  const scratch = join(context, 'npm');
  await mkdir(scratch);
  await writeFile(join(scratch, 'package.json'), '{"private":true}');
  const platform = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc'];
  await npm(['install', '--no-save', ...platform, `deno@${deno}`], scratch);
  await cp(join(scratch, 'node_modules', '@deno', `linux-${cpu}-glibc`, 'deno'), join(context, 'deno', 'deno'));
  await chmod(join(context, 'deno', 'deno'), 0o755);
  await rm(scratch, { recursive: true });
}

async function manifest(folder) {
  return JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
}

/** The folders of apps/cli and of all packages of ours that it needs. */
async function gatewayFolders() {
  const folders = new Map();
  for (const group of ['packages', 'apps']) {
    for (const entry of await readdir(join(root, group))) {
      const folder = `${group}/${entry}`;
      await access(join(root, folder, 'package.json')).then(
        async () => folders.set((await manifest(folder)).name, folder),
        () => undefined,
      );
    }
  }
  const wanted = new Set(['apps/cli']);
  for (const folder of wanted) {
    for (const name of Object.keys((await manifest(folder)).dependencies ?? {})) {
      if (folders.has(name)) wanted.add(folders.get(name));
    }
  }
  return wanted;
}

/** The built packages, and what they depend on in the versions of package-lock.json. */
async function withGateway({ context, architecture }) {
  const app = join(context, 'app');
  await mkdir(app);
  const { name, version, workspaces, overrides } = await manifest('.');
  const folders = await gatewayFolders();
  // All workspaces of the lock file are named, so that npm takes it as it is; those that are not installed have no code.
  await writeFile(join(app, 'package.json'), JSON.stringify({ name, version, private: true, workspaces, overrides }));
  await cp(join(root, 'package-lock.json'), join(app, 'package-lock.json'));
  for (const folder of folders) {
    await mkdir(join(app, folder), { recursive: true });
    const { devDependencies: _, ...kept } = await manifest(folder);
    await writeFile(join(app, folder, 'package.json'), JSON.stringify(kept));
    for (const entry of kept.files.filter((file) => !file.startsWith('!') && file !== 'src')) {
      const from = join(root, folder, entry);
      await access(from).catch(() => {
        throw new Error(`${relative(root, from)} does not exist: run  npm run build  first`);
      });
      const filter = (path) => !/\.(map|d\.ts|tsbuildinfo)$|__pycache__|[\\/](test|testing)$/.test(path);
      await cp(from, join(app, folder, entry), { recursive: true, filter });
    }
  }
  const platform = ['--os=linux', `--cpu=${npmCpu(architecture)}`, '--libc=glibc'];
  await npm(['ci', '--omit=dev', '--omit=optional', ...platform], app);
  await rm(join(app, 'package-lock.json'));
  for (const system of ['darwin', 'win32']) {
    await rm(join(app, 'node_modules', 'zeromq', 'build', system), { recursive: true, force: true });
  }
}

const nothing = () => Promise.resolve();

/** By image; in the order in which they can be built. */
export const images = {
  'kernel-py': { prepare: withLaunchers('python') },
  'kernel-r': { prepare: withLaunchers('R', 'python') },
  'kernel-node': { prepare: withDeno },
  spark: { prepare: withSpark },
  'kernel-scala': { prepare: withLaunchers('scala'), sparkImage: 'spark' },
  'kernel-spark-py': { prepare: nothing, sparkImage: 'spark', base: 'kernel-py' },
  'engine-proxy': { prepare: nothing },
  gateway: { prepare: withGateway },
};
