import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { findPython, isVirtual } from './python-installation.ts';
import type { Environment } from './types.ts';

export interface SearchPathOptions {
  readonly env: Environment;
  /** Default: the running platform. */
  readonly platform?: NodeJS.Platform | undefined;
}

/** Where kernelspecs are looked for and where they are written. All are folders that hold kernelspec folders. */
export interface KernelSpecFolders {
  /** In order of precedence, without duplicates; they need not exist. */
  readonly searchPath: readonly string[];
  readonly user: string;
  /** Absent when there is no Python. */
  readonly sysPrefix?: string;
  readonly system: string;
}

/**
 * Jupyter's data path, in the order that `jupyter --paths` shows, plus `/kernels`, plus IPython's own folder:
 * `JUPYTER_PATH`; the user's folders; the Python environment's; `/usr/local/share/jupyter`; `/usr/share/jupyter`.
 * The environment comes before the user when `JUPYTER_PREFER_ENV_PATH` says so, or when it is a virtual or a named
 * conda environment that belongs to the user.
 */
export async function kernelSpecFolders(options: SearchPathOptions): Promise<KernelSpecFolders> {
  const { env } = options;
  const mac = (options.platform ?? process.platform) === 'darwin';
  const home = env['HOME'] ?? homedir();
  const xdg = env['XDG_DATA_HOME'] ?? '';
  const ownData = mac
    ? join(home, 'Library', 'Jupyter')
    : join(xdg === '' ? join(home, '.local', 'share') : xdg, 'jupyter');
  const userData = env['JUPYTER_DATA_DIR'] ?? ownData;
  const python = await findPython(env);
  const user = [userData];
  if (!mac && python?.virtual !== true && (env['PYTHONNOUSERSITE'] ?? '') === '') {
    user.push(join(env['PYTHONUSERBASE'] ?? join(home, '.local'), 'share', 'jupyter'));
  }
  const system = ['/usr/local/share/jupyter', '/usr/share/jupyter'];
  const environment = python === undefined ? [] : [join(python.prefix, 'share', 'jupyter')];
  const ofEnvironment = environment.filter((folder) => !system.includes(folder));
  const environmentFirst = python !== undefined && (await prefersEnvironment(env, python.prefix));
  const listed = (env['JUPYTER_PATH'] ?? '').split(delimiter).filter((entry) => entry !== '');
  const dataPath = [
    ...listed,
    ...(environmentFirst ? [...ofEnvironment, ...user] : [...user, ...ofEnvironment]),
    ...system,
  ];
  const ipython = env['IPYTHONDIR'] ?? join(home, '.ipython');
  const searchPath = new Set([...dataPath, ipython].map((folder) => join(resolve(folder), 'kernels')));
  return {
    searchPath: [...searchPath],
    user: join(resolve(userData), 'kernels'),
    ...(environment[0] === undefined ? {} : { sysPrefix: join(environment[0], 'kernels') }),
    system: '/usr/local/share/jupyter/kernels',
  };
}

/** jupyter_core's rule for whether the Python environment's folder goes before the user's. */
async function prefersEnvironment(env: Environment, prefix: string): Promise<boolean> {
  const told = env['JUPYTER_PREFER_ENV_PATH'];
  if (told !== undefined) return !['no', 'n', 'false', 'off', '0', '0.0'].includes(told.toLowerCase());
  const conda = env['CONDA_PREFIX'];
  const inNamedConda =
    conda !== undefined &&
    isAbsolute(conda) &&
    prefix.startsWith(conda) &&
    (env['CONDA_DEFAULT_ENV'] ?? 'base') !== 'base';
  if (!inNamedConda && !(await isVirtual(prefix))) return false;
  return await access(prefix, constants.W_OK).then(
    () => true,
    () => false,
  );
}
