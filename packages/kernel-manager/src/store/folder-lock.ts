import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvisionerError, identifyProcess, isSameProcess, systemErrorCode } from '@gateway-provisioners/core';
import type { ProcessIdentity } from '@gateway-provisioners/core';
import { z } from 'zod';

const processIdentity = z.object({ pid: z.number().int().min(1), startTime: z.string() });

const ATTEMPTS = 20;

/**
 * Takes a folder for this process: two programs must not share one. The lock of a process that has ended is taken over.
 * Errors: `INVALID_STATE` with the pid of the holder.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const path = join(folder, 'lock');
  const self = await identifyProcess(process.pid);
  const token = randomBytes(8).toString('hex');
  const mine = JSON.stringify({ pid: process.pid, startTime: self?.startTime ?? '', token });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  await writeFile(temporary, mine, { mode: 0o600, flag: 'wx' });
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      // A link appears with its contents or not at all, unlike a file that is created and then written.
      if (await tryLink(temporary, path)) return { [Symbol.asyncDispose]: () => unlock(path, mine) };
      await removeStale(folder, path);
    }
  } finally {
    await rm(temporary, { force: true });
  }
  throw new ProvisionerError('INVALID_STATE', 'the lock of a folder changes hands too fast', {
    coordinates: { folder },
  });
}

async function removeStale(folder: string, path: string): Promise<void> {
  const text = await readIfThere(path);
  if (text === undefined) return;
  const holder = parseHolder(text);
  if (holder !== undefined && (await isSameProcess(holder))) {
    throw new ProvisionerError(
      'INVALID_STATE',
      `the folder is in use by process ${String(holder.pid)}: give each program its own, or stop that one first`,
      { coordinates: { folder } },
    );
  }
  const aside = `${path}.${randomBytes(6).toString('hex')}.stale`;
  try {
    await rename(path, aside);
  } catch {
    return; // somebody else was faster
  }
  // Between reading and renaming another process may have replaced the stale lock: give that one back.
  if ((await readIfThere(aside)) !== text) await tryLink(aside, path);
  await rm(aside, { force: true });
}

function parseHolder(text: string): ProcessIdentity | undefined {
  try {
    return processIdentity.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function unlock(path: string, mine: string): Promise<void> {
  if ((await readIfThere(path)) === mine) await rm(path, { force: true });
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
