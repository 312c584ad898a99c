import { access, constants, readFile, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Environment } from './types.ts';

/** A Python found without running it. */
export interface PythonInstallation {
  /** The interpreter to run. */
  readonly executable: string;
  /** Its `sys.prefix`. */
  readonly prefix: string;
  /** True when `prefix` is a virtual environment. */
  readonly virtual: boolean;
}

/**
 * The Python that a shell with this environment would run: that of `CONDA_PREFIX`, else of `VIRTUAL_ENV`, else the
 * first `python3` on `PATH`. pyenv's shims are followed to the version that is selected (`PYENV_VERSION`, or pyenv's
 * global `version` file; a folder's `.python-version` is not read, because the kernel runs elsewhere).
 * Undefined when there is none.
 */
export async function findPython(env: Environment): Promise<PythonInstallation | undefined> {
  for (const variable of ['CONDA_PREFIX', 'VIRTUAL_ENV']) {
    const prefix = env[variable];
    if (prefix === undefined || !isAbsolute(prefix)) continue;
    const executable = await firstExecutable([join(prefix, 'bin', 'python3'), join(prefix, 'bin', 'python')]);
    if (executable !== undefined) return { executable, prefix: resolve(prefix), virtual: await isVirtual(prefix) };
  }
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const found = await pythonIn(folder, env);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function pythonIn(folder: string, env: Environment): Promise<PythonInstallation | undefined> {
  const candidate = join(folder, 'python3');
  if (!(await isExecutable(candidate))) return undefined;
  const executable = basename(folder) === 'shims' ? await throughPyenv(folder, env) : candidate;
  if (executable === undefined) return undefined;
  return { executable, ...(await prefixOf(executable)) };
}

/** Undefined also for pyenv's `system`, which means: the next one on the PATH. */
async function throughPyenv(shims: string, env: Environment): Promise<string | undefined> {
  const root = dirname(shims);
  const selected = env['PYENV_VERSION'] ?? (await readText(join(root, 'version'))) ?? '';
  for (const version of selected.split(/[:\s]+/)) {
    if (!/^[A-Za-z0-9][\w.+-]*(\/envs\/[\w.+-]+)?$/.test(version)) continue;
    const executable = await firstExecutable([join(root, 'versions', version, 'bin', 'python3')]);
    if (executable !== undefined) return executable;
  }
  return undefined;
}

/** What Python itself does at start: a `pyvenv.cfg` beside any link on the way wins, else where the links end. */
async function prefixOf(executable: string): Promise<{ readonly prefix: string; readonly virtual: boolean }> {
  let current = executable;
  for (let links = 0; links < 40; links += 1) {
    const prefix = dirname(dirname(current));
    if (await isVirtual(prefix)) return { prefix, virtual: true };
    const target = await readlink(current).catch(() => undefined);
    if (target === undefined) break;
    current = resolve(dirname(current), target);
  }
  return { prefix: dirname(dirname(await realpath(executable))), virtual: false };
}

/** `X.Y` of an installation; undefined when it cannot be told. */
export async function pythonVersion(python: PythonInstallation): Promise<string | undefined> {
  const real = await realpath(python.executable).catch(() => python.executable);
  const named = /^python(\d+\.\d+)$/.exec(basename(real))?.[1];
  if (named !== undefined) return named;
  const configured = /^version(?:_info)?\s*=\s*(\d+\.\d+)/m.exec(
    (await readText(join(python.prefix, 'pyvenv.cfg'))) ?? '',
  );
  if (configured?.[1] !== undefined) return configured[1];
  const versions = (await readdir(join(python.prefix, 'lib')).catch((): string[] => []))
    .map((entry) => /^python(3\.\d+)$/.exec(entry)?.[1])
    .filter((version) => version !== undefined);
  return versions.sort((a, b) => Number(b.slice(2)) - Number(a.slice(2)))[0];
}

export async function isVirtual(prefix: string): Promise<boolean> {
  return (await readText(join(prefix, 'pyvenv.cfg'))) !== undefined;
}

export async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined);
}

async function firstExecutable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isExecutable(path)) return path;
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
