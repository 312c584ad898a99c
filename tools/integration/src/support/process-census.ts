import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { delay } from '@gateway-provisioners/core';
import { until } from './until.ts';

export interface CensusEntry {
  readonly pid: number;
  readonly command: string;
}

/**
 * Processes of this user in whose environment `marker` occurs: what a server started with a scratch folder, in whatever
 * process group it or its kernels are. Zombies have no environment and do not count.
 */
export async function processesMarked(marker: string): Promise<readonly CensusEntry[]> {
  return process.platform === 'linux' ? await fromProc(marker) : await fromPs(marker);
}

async function fromProc(marker: string): Promise<readonly CensusEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (name) => {
      try {
        const environment = await environmentOf(name);
        if (!environment.includes(marker)) return undefined;
        const command = await readFile(`/proc/${name}/cmdline`, 'utf8');
        return { pid: Number(name), command: command.replaceAll('\0', ' ').trim() };
      } catch {
        return undefined; // Ended meanwhile, or another user's.
      }
    }),
  );
  return found.filter((entry) => entry !== undefined);
}

/** Of a process that is starting a program there is none until that is loaded: microseconds, as a rule. */
const LOOKS_AT_STARTING = 100;

async function environmentOf(pid: string): Promise<string> {
  for (let look = 1; ; look += 1) {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1');
    if (environment !== '' || look === LOOKS_AT_STARTING) return environment;
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1');
    const state = stat.charAt(stat.lastIndexOf(')') + 2);
    // Whoever sleeps, or is dead, is not starting anything, but may have been when the environment was read.
    if (look > 1 && state !== 'R' && state !== 'D') return environment;
    if (look > 1) await delay(1);
  }
}

async function fromPs(marker: string): Promise<readonly CensusEntry[]> {
  const { stdout } = await promisify(execFile)('ps', ['-AwwE', '-o', 'pid=,command='], { maxBuffer: 1 << 26 });
  const entries: CensusEntry[] = [];
  for (const line of stdout.split('\n')) {
    const match = /^\s*(\d+)\s+(.*)$/.exec(line);
    if (match === null || !line.includes(marker) || Number(match[1]) === process.pid) continue;
    entries.push({ pid: Number(match[1]), command: match[2] ?? '' });
  }
  return entries;
}

/** Kills all that are marked, and waits until they are gone. Errors: `DEADLINE_EXCEEDED`. */
export async function endMarked(marker: string): Promise<void> {
  await until({ what: 'the end of processes that were killed' }, async () => {
    const found = await processesMarked(marker);
    for (const { pid } of found) endProcess(pid);
    return found.length === 0;
  });
}

/** Kills it, unless it has ended since it was seen. */
export function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended between the look and the kill.
  }
}
