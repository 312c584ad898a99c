import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, resolve, sep } from 'node:path';
import {
  ProvisionerError,
  ResourceStack,
  errorMessage,
  isProvisionerError,
  systemErrorCode,
  throwIfAborted,
} from '@gateway-provisioners/core';
import { parseKernelJson } from './kernel-json.ts';
import { isKernelSpecName } from './kernelspec-name.ts';
import type { KernelSpecFolders } from './search-path.ts';
import type { KernelSpecDestination, WriteKernelSpecOptions } from './types.ts';

/**
 * Writes a kernelspec folder. Everything is put together in a folder beside the destination, in a place where no
 * kernelspec is looked for, and renamed at the end, after the old folder was renamed to its side; when that fails, the old
 * folder is back. A process that is killed between the two renames leaves the old folder as `.~…/old-<name>`.
 * Errors: `INVALID_ARGUMENT`, `KERNELSPEC_INVALID`, `INVALID_STATE` when it exists, `FORBIDDEN` without permission.
 */
export async function writeKernelSpec(options: WriteKernelSpecOptions, folders: KernelSpecFolders): Promise<string> {
  if (!isKernelSpecName(options.name)) {
    const shown = JSON.stringify(options.name);
    throw new ProvisionerError('INVALID_ARGUMENT', `kernelspec name ${shown}: use letters, digits, '.', '_' and '-'`);
  }
  const name = options.name.toLowerCase();
  parseKernelJson(options.spec, { name });
  const files = Object.entries(options.files ?? {}).map(([path, file]) => ({ path: checkFile(path), file }));
  const parent = destinationFolder(options.destination, folders);
  return await explained(parent, async () => {
    await mkdir(parent, { recursive: true });
    const existing = (await readdir(parent)).filter((entry) => entry.toLowerCase() === name);
    if (existing.length > 0 && options.replace !== true) {
      throw new ProvisionerError(
        'INVALID_STATE',
        `there is a kernelspec ${name} in ${parent} already: ask for replacing`,
      );
    }
    await using stack = new ResourceStack();
    const staging = await openStaging(parent, stack);
    const staged = join(staging, 'new');
    await mkdir(staged);
    for (const { path, file } of files) {
      await mkdir(dirname(join(staged, path)), { recursive: true });
      await writeFile(join(staged, path), file.data, { mode: file.executable === true ? 0o755 : 0o644 });
    }
    await writeFile(join(staged, 'kernel.json'), `${JSON.stringify(options.spec, null, 2)}\n`);
    throwIfAborted(options.signal);
    const target = join(parent, name);
    await swap({ parent, staging, staged, target, existing });
    return target;
  });
}

/** Removes a kernelspec's folder; of a link, the link alone. */
export async function removeKernelSpecFolder(folder: string): Promise<void> {
  await explained(folder, async () => {
    if ((await lstat(folder)).isSymbolicLink()) {
      await unlink(folder);
      return;
    }
    await using stack = new ResourceStack();
    // Renamed first: a folder that is half removed might still be found.
    const staging = await openStaging(dirname(folder), stack);
    await rename(folder, join(staging, 'old'));
  });
}

/** The folder that holds kernelspec folders. Errors: `INVALID_ARGUMENT` when there is no such place on this machine. */
export function destinationFolder(destination: KernelSpecDestination, folders: KernelSpecFolders): string {
  switch (destination.to) {
    case 'user':
      return folders.user;
    case 'system':
      return folders.system;
    case 'path':
      return resolve(destination.path);
    case 'prefix':
      return join(resolve(destination.prefix), 'share', 'jupyter', 'kernels');
    case 'sys-prefix': {
      if (folders.sysPrefix !== undefined) return folders.sysPrefix;
      const message = 'destination sys-prefix: there is no CONDA_PREFIX, no VIRTUAL_ENV and no python3 on the PATH';
      throw new ProvisionerError('INVALID_ARGUMENT', message);
    }
  }
}

async function swap(paths: {
  readonly parent: string;
  readonly staging: string;
  readonly staged: string;
  readonly target: string;
  readonly existing: readonly string[];
}): Promise<void> {
  const moved: string[] = [];
  try {
    for (const entry of paths.existing) {
      await rename(join(paths.parent, entry), join(paths.staging, `old-${entry}`));
      moved.push(entry);
    }
    await rename(paths.staged, paths.target);
  } catch (error) {
    for (const entry of moved) await rename(join(paths.staging, `old-${entry}`), join(paths.parent, entry));
    throw error;
  }
}

async function openStaging(parent: string, stack: ResourceStack): Promise<string> {
  // '~' is not allowed in names of kernelspecs, and the folder itself holds no kernel.json.
  const staging = join(parent, `.~${randomUUID()}`);
  await mkdir(staging);
  stack.defer(() => rm(staging, { recursive: true, force: true }));
  return staging;
}

function checkFile(path: string): string {
  const clean = normalize(path);
  const bad =
    path === '' || path.includes('\0') || isAbsolute(path) || clean.split(sep).includes('..') || clean === '.';
  if (bad || clean.endsWith(sep) || clean.toLowerCase() === 'kernel.json') {
    const message = `file ${JSON.stringify(path)} of a kernelspec: use a relative path inside the folder, not kernel.json`;
    throw new ProvisionerError('INVALID_ARGUMENT', message);
  }
  return clean;
}

/** The system's "no" as an error of ours that names the folder. */
async function explained<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = systemErrorCode(error);
    if (reason === undefined || isProvisionerError(error)) throw error;
    const denied = reason === 'EACCES' || reason === 'EPERM' || reason === 'EROFS';
    const code = denied ? 'FORBIDDEN' : 'INVALID_ARGUMENT';
    throw new ProvisionerError(code, `${folder} cannot be changed: ${errorMessage(error)}`, { cause: error });
  }
}
