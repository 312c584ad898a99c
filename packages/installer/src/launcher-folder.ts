import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ProvisionerError, errorMessage, systemErrorCode } from '@gateway-provisioners/core';
import type { SpecFiles } from './assets.ts';
import type { LauncherFile } from './types.ts';

export interface LauncherFiles {
  readonly files: SpecFiles;
  /** What was not found. */
  readonly missing: readonly LauncherFile[];
}

/**
 * Reads launchers from a folder laid out as the one in kernel images: `python/scripts`, `R/scripts`, `scala/lib`.
 * Errors: `INVALID_ARGUMENT` when the folder cannot be read.
 */
export async function readLauncherFiles(wanted: readonly LauncherFile[], folder: string): Promise<LauncherFiles> {
  await listFolder(folder, { mustExist: true });
  const files: Record<string, { readonly data: Buffer }> = {};
  const missing: LauncherFile[] = [];
  for (const file of wanted) {
    const found = file.path.includes('*') ? await readMatching(file, folder) : await readFirst(file, folder);
    Object.assign(files, found);
    if (Object.keys(found).length === 0) missing.push(file);
  }
  return { files, missing };
}

async function readFirst(file: LauncherFile, folder: string): Promise<Record<string, { readonly data: Buffer }>> {
  for (const source of file.sources) {
    const data = await readIfThere(join(folder, source));
    if (data !== undefined) return { [file.path]: { data } };
  }
  return {};
}

/** Several that match would be refused at the start of a kernel; the newest cannot be told from a name. */
async function readMatching(file: LauncherFile, folder: string): Promise<Record<string, { readonly data: Buffer }>> {
  const [begin = '', end = ''] = file.path.slice(file.path.lastIndexOf('/') + 1).split('*');
  for (const source of file.sources) {
    const names = (await listFolder(join(folder, source), { mustExist: false })).filter(
      (name) => name.startsWith(begin) && name.endsWith(end),
    );
    if (names.length > 1) {
      const message = `${join(folder, source)} has several files ${begin}*${end}: ${names.join(', ')}; leave one`;
      throw new ProvisionerError('INVALID_ARGUMENT', message);
    }
    const [name] = names;
    const data = name === undefined ? undefined : await readIfThere(join(folder, source, name));
    if (name !== undefined && data !== undefined) return { [join(dirname(file.path), name)]: { data } };
  }
  return {};
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw unreadable(path, error);
  }
}

async function listFolder(path: string, options: { readonly mustExist: boolean }): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (!options.mustExist && isAbsence(error)) return [];
    throw unreadable(path, error);
  }
}

function isAbsence(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function unreadable(path: string, cause: unknown): ProvisionerError {
  const message = `the launchers cannot be read from ${path}: ${errorMessage(cause)}`;
  return new ProvisionerError('INVALID_ARGUMENT', message, { cause });
}
