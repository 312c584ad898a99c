import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KernelFailureError, ProvisionerError, errorMessage, systemErrorCode } from '@gateway-provisioners/core';
import type { ConnectionInfo, ResourceOwner } from '@gateway-provisioners/core';
import { tryParseLocalState } from './local-state.ts';
import type { LocalState } from './local-state.ts';

/** Where one incarnation of a kernel keeps its files: all within the runtime folder, all named after it. */
export interface KernelFiles {
  readonly runDir: string;
  readonly connectionFile: string;
  readonly logPath: string;
}

const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
const FOLDER = /^kernel-.+-[1-9]\d*$/;
const STATE_FILE = 'state.json';

/** Errors: `INVALID_ARGUMENT` for an id that could not be a file's name. */
export function kernelFiles(runtimeDir: string, owner: ResourceOwner): KernelFiles {
  if (!SAFE_ID.test(owner.kernelId)) {
    throw new ProvisionerError('INVALID_ARGUMENT', `kernel id ${JSON.stringify(owner.kernelId)} cannot name a file`);
  }
  const name = `kernel-${owner.kernelId}-${String(owner.incarnation)}`;
  const runDir = join(runtimeDir, name);
  return { runDir, connectionFile: join(runtimeDir, `${name}.json`), logPath: logPathIn(runDir) };
}

export function logPathIn(runDir: string): string {
  return join(runDir, 'kernel.log');
}

/**
 * Makes the kernel's folder (0700) with the state in it; it appears complete or not at all.
 * Errors: `LAUNCH_FAILED` naming the folder.
 */
export async function createRunDir(files: KernelFiles, state: LocalState): Promise<void> {
  const unfinished = unfinishedDir(files);
  try {
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { mode: 0o700 });
    await writeFile(join(unfinished, STATE_FILE), JSON.stringify(state), { mode: 0o600 });
    await rename(unfinished, files.runDir);
  } catch (error) {
    throw cannotWrite(files.runDir, error);
  }
}

/** Replaces the copy of the state. Errors: `LAUNCH_FAILED` naming the folder. */
export async function saveState(files: KernelFiles, state: LocalState): Promise<void> {
  await writeAtomically(join(files.runDir, STATE_FILE), JSON.stringify(state));
}

/** The copy of the state in a kernel's folder. */
export async function loadState(runDir: string): Promise<LocalState | undefined> {
  try {
    return tryParseLocalState(await readFile(join(runDir, STATE_FILE), 'utf8'));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** States of all kernels whose folders are in the runtime folder, of any instance. */
export async function loadStates(runtimeDir: string): Promise<readonly LocalState[]> {
  let names: readonly string[];
  try {
    names = await readdir(runtimeDir);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  const states = await Promise.all(
    names.filter((name) => FOLDER.test(name)).map((name) => loadState(join(runtimeDir, name))),
  );
  return states.filter((state) => state !== undefined);
}

/** Jupyter's connection file: readable by nobody else, complete as soon as it exists. */
export async function writeConnectionFile(files: KernelFiles, info: ConnectionInfo): Promise<void> {
  await writeAtomically(files.connectionFile, `${JSON.stringify(info, undefined, 1)}\n`);
}

/** Removes all that {@link KernelFiles} names. Removing what is gone succeeds. */
export async function removeKernelFiles(files: KernelFiles): Promise<void> {
  // The folder goes last: it is what makes the rest be found after a crash.
  for (const path of [files.connectionFile, temporaryName(files.connectionFile), unfinishedDir(files), files.runDir]) {
    try {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }
}

async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await rm(temporary, { force: true });
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
    await rename(temporary, path);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

/** One writer per kernel, so that one name is enough; it is known when what a crash left is removed. */
function temporaryName(path: string): string {
  return `${path}.new`;
}

function unfinishedDir(files: KernelFiles): string {
  return `${files.runDir}.new`;
}

function cannotWrite(path: string, error: unknown): KernelFailureError {
  const advice = 'check that the runtime folder exists, belongs to this user and has room';
  return new KernelFailureError('LAUNCH_FAILED', `cannot write ${path}: ${errorMessage(error)}; ${advice}`, {
    cause: error,
  });
}

function isAbsent(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
