import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, normalize, resolve, sep } from 'node:path';
import { ProvisionerError } from '@gateway-provisioners/core';

export interface WorkingDirectoryRequest {
  /** A notebook's or folder's path as Jupyter's API has it: below the root directory, or absolute. */
  readonly path: string | undefined;
  /** Absolute, and has to exist. Stronger than `path`. */
  readonly cwd: string | undefined;
  readonly rootDir: string | undefined;
}

/**
 * The folder that a kernel starts in: the nearest one on the way from `path` up to the root directory that exists, as
 * Jupyter Server does it. Without a path: the root directory, if there is one. Errors: `INVALID_REQUEST`.
 */
export async function resolveWorkingDirectory(request: WorkingDirectoryRequest): Promise<string | undefined> {
  if (request.cwd !== undefined && request.cwd !== '') return await existingFolder(request.cwd);
  const { path, rootDir } = request;
  if (path === undefined || path === '') return rootDir;
  if (isAbsolute(path)) {
    const found = await nearestFolder(normalize(path), sep);
    // A leading slash may also be Jupyter's way to write the root.
    if (found !== sep) return found;
    return rootDir === undefined ? undefined : await nearestFolder(within(rootDir, path), rootDir);
  }
  if (rootDir === undefined) return undefined;
  return await nearestFolder(within(rootDir, path), rootDir);
}

function within(rootDir: string, path: string): string {
  const full = resolve(rootDir, `.${sep}${path}`);
  if (full === rootDir || full.startsWith(rootDir.endsWith(sep) ? rootDir : rootDir + sep)) return full;
  throw new ProvisionerError('INVALID_REQUEST', '"path" leads out of the root directory');
}

async function nearestFolder(path: string, limit: string): Promise<string> {
  let folder = path;
  while (folder !== limit && folder !== dirname(folder) && !(await isFolder(folder))) folder = dirname(folder);
  return folder;
}

async function existingFolder(path: string): Promise<string> {
  if (!isAbsolute(path)) throw new ProvisionerError('INVALID_REQUEST', '"cwd" has to be an absolute path');
  if (!(await isFolder(path))) throw new ProvisionerError('INVALID_REQUEST', '"cwd" is not a folder that exists');
  return path;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
