import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { KernelSpec } from '@gateway-provisioners/core';
import { errorMessage, isProvisionerError, throwIfAborted } from '@gateway-provisioners/core';
import { kernelSpecInvalid, parseKernelJson } from './kernel-json.ts';
import { isKernelSpecName } from './kernelspec-name.ts';
import { isAbsence } from './system-error.ts';
import type { KernelSpecProblem } from './types.ts';

export interface ScanOptions {
  readonly searchPath: readonly string[];
  readonly maxFileBytes: number;
  readonly defaultProvisioner?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Everything that one pass over the search path found. */
export interface Scan {
  /** By lower-case name: the kernelspec, or why it cannot be used. */
  readonly found: ReadonlyMap<string, KernelSpec | KernelSpecProblem>;
  /** Problems that belong to no name: unreadable folders, impossible names, hidden duplicates. */
  readonly problems: readonly KernelSpecProblem[];
  /** Kernelspec folders by name, good or bad. */
  readonly folders: ReadonlyMap<string, string>;
}

/** True for what {@link Scan.found} holds for a kernelspec that cannot be used. */
export function isProblem(entry: KernelSpec | KernelSpecProblem): entry is KernelSpecProblem {
  return 'message' in entry;
}

/**
 * Reads all kernelspecs of a search path. The first folder that has a name wins, even if its `kernel.json` is bad: to
 * run another kernel of that name in silence would be worse than an error.
 */
export async function scanKernelSpecs(options: ScanOptions): Promise<Scan> {
  const found = new Map<string, KernelSpec | KernelSpecProblem>();
  const folders = new Map<string, string>();
  const problems: KernelSpecProblem[] = [];
  const results = await Promise.all(options.searchPath.map((folder) => scanFolder(folder, options)));
  throwIfAborted(options.signal);
  for (const result of results) {
    problems.push(...result.problems);
    for (const { name, folder, entry } of result.entries) {
      if (found.has(name)) continue;
      found.set(name, entry);
      folders.set(name, folder);
    }
  }
  return { found, problems, folders };
}

interface Entry {
  readonly name: string;
  readonly folder: string;
  readonly entry: KernelSpec | KernelSpecProblem;
}

async function scanFolder(
  folder: string,
  options: ScanOptions,
): Promise<{ readonly entries: readonly Entry[]; readonly problems: readonly KernelSpecProblem[] }> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isAbsence(error)) return { entries: [], problems: [] };
    return { entries: [], problems: [{ path: folder, message: `cannot be read: ${errorMessage(error)}` }] };
  }
  const read = await Promise.all(names.map((name) => readEntry(join(folder, name), name, options)));
  const entries = new Map<string, Entry>();
  const problems: KernelSpecProblem[] = [];
  for (const [index, entry] of read.entries()) {
    const fileName = names[index] ?? '';
    if (entry === undefined) continue;
    if (!isKernelSpecName(fileName)) {
      const message = `${JSON.stringify(fileName)} is no name for a kernelspec: use letters, digits, '.', '_' and '-'`;
      problems.push({ path: join(folder, fileName), message });
      continue;
    }
    const rival = entries.get(entry.name);
    // The folder that is spelt as Jupyter would have written it wins; else the first in the order of the alphabet.
    const wins =
      rival === undefined ||
      fileName === entry.name ||
      (rival.folder > entry.folder && !rival.folder.endsWith(`/${entry.name}`));
    if (wins) entries.set(entry.name, entry);
    if (rival !== undefined) problems.push(hidden(wins ? rival : entry, wins ? entry : rival));
  }
  return { entries: [...entries.values()], problems };
}

function hidden(loser: Entry, winner: Entry): KernelSpecProblem {
  const message = `is hidden by ${winner.folder}: names of kernelspecs differ by more than case`;
  return { name: loser.name, path: loser.folder, message };
}

/** Undefined for what is not a kernelspec folder: no `kernel.json`, or gone by now. */
async function readEntry(folder: string, fileName: string, options: ScanOptions): Promise<Entry | undefined> {
  const name = fileName.toLowerCase();
  const path = join(folder, 'kernel.json');
  try {
    const text = await readKernelJson(path, fileName, options.maxFileBytes);
    const { defaultProvisioner } = options;
    return { name, folder, entry: parseKernelJson(text, { name, path, resourceDir: folder, defaultProvisioner }) };
  } catch (error) {
    if (isAbsence(error)) return undefined;
    const wrapped = isProvisionerError(error, 'KERNELSPEC_INVALID')
      ? error
      : kernelSpecInvalid({ name, path, problems: [`cannot be read: ${errorMessage(error)}`], cause: error });
    return { name, folder, entry: { name, path, message: wrapped.message, error: wrapped } };
  }
}

async function readKernelJson(path: string, name: string, maxBytes: number): Promise<string> {
  // Without O_NONBLOCK, to open a named pipe would wait for a writer for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw kernelSpecInvalid({ name, path, problems: ['is not a file'] });
    if (stats.size > maxBytes) {
      const problems = [`is ${String(stats.size)} bytes long, more than the ${String(maxBytes)} that are read`];
      throw kernelSpecInvalid({ name, path, problems });
    }
    // Not readFile: the file may grow while it is read.
    const buffer = Buffer.alloc(stats.size);
    const { bytesRead } = await file.read(buffer, 0, stats.size, 0);
    return decodeUtf8(buffer.subarray(0, bytesRead), path, name);
  } finally {
    await file.close();
  }
}

function decodeUtf8(bytes: Buffer, path: string, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw kernelSpecInvalid({ name, path, problems: ['is not UTF-8 text'], cause });
  }
}
