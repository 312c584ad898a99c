import { randomBytes, randomInt } from 'node:crypto';
import { link, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvisionerError, delay, identifyProcess, isSameProcess } from '@gateway-provisioners/core';
import type { ProcessIdentity } from '@gateway-provisioners/core';
import { z } from 'zod';

const processIdentity = z.object({ pid: z.number().int().min(1), startTime: z.string() });

const CLAIM = /^lock\.([0-9a-f]{16})\.claim$/;
const ATTEMPTS = 30;
const FIRST_PAUSE_MS = 40;
const MAX_PAUSE_MS = 2_000;

interface Rival {
  readonly pid: number;
  /** It has the folder; otherwise it only tries to get it. */
  readonly isHolder: boolean;
}

/**
 * Takes a folder for this process: two programs must not share one. The lock of a process that has ended is taken over.
 *
 * Each contender puts a claim of its own there, then looks for claims of live processes, and has the folder when there
 * is none: of two, the later one always sees the earlier. Nobody ever removes what may belong to a live process, which
 * is what makes taking over a single lock file unsafe.
 * Errors: `INVALID_STATE` with the pid of the holder.
 */
export async function lockFolder(folder: string): Promise<AsyncDisposable> {
  const self = await identifyProcess(process.pid);
  const text = JSON.stringify({ pid: process.pid, startTime: self?.startTime ?? '' });
  let rival: Rival | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const token = randomBytes(8).toString('hex');
    const release = async (): Promise<void> => {
      await rm(join(folder, `lock.${token}.held`), { force: true });
      await rm(join(folder, `lock.${token}.claim`), { force: true });
    };
    try {
      await putClaim(folder, token, text);
      rival = await findRival(folder, token);
      if (rival === undefined) {
        await link(join(folder, `lock.${token}.claim`), join(folder, `lock.${token}.held`));
        return { [Symbol.asyncDispose]: release };
      }
    } catch (error) {
      await release();
      throw error;
    }
    await release();
    if (rival.isHolder) break;
    // Both of two that claim at the same time step back; chance lets one be first next time. The pauses grow, because on a
    // slow machine an attempt takes longer than a short one, and there would always be a claim of somebody.
    await delay(randomInt(1, Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)));
  }
  throw new ProvisionerError(
    'INVALID_STATE',
    `the folder is in use by process ${String(rival?.pid)}: give each program its own, or stop that one first`,
    { coordinates: { folder } },
  );
}

/** Appears with its contents or not at all. */
async function putClaim(folder: string, token: string, text: string): Promise<void> {
  const unfinished = join(folder, `lock.${token}.new`);
  await writeFile(unfinished, text, { mode: 0o600, flag: 'wx' });
  await rename(unfinished, join(folder, `lock.${token}.claim`));
}

/** Somebody else's live claim; those of processes that have ended are removed. */
async function findRival(folder: string, ownToken: string): Promise<Rival | undefined> {
  const names = await readdir(folder);
  let rival: Rival | undefined;
  for (const name of names) {
    const token = CLAIM.exec(name)?.[1];
    if (token === undefined || token === ownToken) continue;
    const owner = await readIdentity(join(folder, name));
    const held = `lock.${token}.held`;
    if (owner !== undefined && (await isSameProcess(owner))) {
      if (rival?.isHolder !== true) rival = { pid: owner.pid, isHolder: names.includes(held) };
    } else {
      await rm(join(folder, held), { force: true });
      await rm(join(folder, name), { force: true });
    }
  }
  return rival;
}

async function readIdentity(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return processIdentity.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // It is gone already, or nothing that a process of ours wrote.
    return undefined;
  }
}
