import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { KernelFailureError } from '@gateway-provisioners/core';

export interface FindProgramOptions {
  /** The kernel's environment: PATH, VIRTUAL_ENV and CONDA_PREFIX count. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folders that come before all others for interpreters. */
  readonly interpreterPath?: readonly string[];
}

const PYTHON = /^python(?:3(?:\.\d+)?)?$/;

/**
 * The absolute path of a kernelspec's program. `python`, `python3` and `python3.X` are looked for in the virtual
 * environment and the conda environment that `env` names before its PATH; either of the first two names stands for
 * the other. A name with a slash is returned as it is. Nothing is run.
 * Errors: `LAUNCH_FAILED` with what was looked for and where.
 */
export async function findProgram(name: string, options: FindProgramOptions): Promise<string> {
  if (name === '') {
    throw new KernelFailureError('LAUNCH_FAILED', 'the first element of `argv` in the kernelspec is empty');
  }
  if (name.includes('/')) return name;
  const isPython = PYTHON.test(name);
  const folders = isPython ? interpreterFolders(options) : pathFolders(options.env);
  for (const candidate of isPython ? pythonNames(name) : [name]) {
    for (const folder of folders) {
      const path = join(folder, candidate);
      if (await isExecutable(path)) return path;
    }
  }
  const where = folders.length === 0 ? 'PATH is empty' : `looked in ${folders.join(', ')}`;
  const advice = isPython ? 'install Python, or activate the environment that has it' : 'install it';
  throw new KernelFailureError(
    'LAUNCH_FAILED',
    `program ${JSON.stringify(name)} of the kernelspec was not found (${where}): ${advice}, or give the full path in \`argv\``,
  );
}

/**
 * What `{prefix}` stands for: CONDA_PREFIX, else VIRTUAL_ENV, else the folder above the one that holds the first
 * python3 on PATH. Undefined when there is none.
 */
export async function findPrefix(options: FindProgramOptions): Promise<string | undefined> {
  const { CONDA_PREFIX: conda, VIRTUAL_ENV: virtual } = options.env;
  const named = [conda, virtual].find((folder) => folder !== undefined && isAbsolute(folder));
  if (named !== undefined) return named;
  for (const folder of pathFolders(options.env)) {
    if (await isExecutable(join(folder, 'python3'))) return dirname(folder);
  }
  return undefined;
}

function pythonNames(name: string): readonly string[] {
  if (name === 'python') return ['python', 'python3'];
  return name === 'python3' ? ['python3', 'python'] : [name];
}

function interpreterFolders(options: FindProgramOptions): readonly string[] {
  const { VIRTUAL_ENV: virtual, CONDA_PREFIX: conda } = options.env;
  const environments = [virtual, conda].filter((folder) => folder !== undefined && isAbsolute(folder));
  const folders = [
    ...(options.interpreterPath ?? []),
    ...environments.map((folder) => join(String(folder), 'bin')),
    ...pathFolders(options.env),
  ];
  return [...new Set(folders)];
}

/** Relative and empty elements of PATH mean "wherever the kernel happens to start": they are not searched. */
function pathFolders(env: FindProgramOptions['env']): readonly string[] {
  return (env['PATH'] ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isFile()) return false;
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
