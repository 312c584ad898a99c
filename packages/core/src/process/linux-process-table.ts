import { readFile, readdir } from 'node:fs/promises';
import { delay } from '../deadline.ts';
import type { MarkedProcess, ProcessEntry, ProcessTable } from './process-table.ts';

// Reads run on libuv's four threads; more at once would only queue before other file work.
const CONCURRENCY = 4;
/** A process that starts another program is without an environment until that is loaded: microseconds, as a rule. */
const LOOKS_AT_STARTING = 100;
const BETWEEN_LOOKS_MS = 1;
/** PF_KTHREAD of the kernel's sched.h. */
const KERNEL_THREAD = 0x20_0000;

export interface LinuxProcessTableOptions {
  /** Default `/proc`. */
  readonly root?: string;
  /** Waits before a process that is starting a program is looked at again. Default: a millisecond. */
  readonly pause?: () => Promise<void>;
}

/** Processes as `/proc` shows them (proc(5)). */
export function linuxProcessTable(options: LinuxProcessTableOptions = {}): ProcessTable {
  const root = options.root ?? '/proc';
  const pause = options.pause ?? (() => delay(BETWEEN_LOOKS_MS));
  let bootId: Promise<string> | undefined;

  const entryOf = async (pid: number): Promise<ProcessEntry | undefined> => {
    // Clock ticks since boot repeat after a reboot, so the boot belongs to the identity.
    bootId ??= readFile(`${root}/sys/kernel/random/boot_id`, 'latin1');
    const [boot, stat] = await Promise.all([bootId, readIfThere(`${root}/${String(pid)}/stat`)]);
    const parsed = stat === undefined ? undefined : parseStat(stat.toString('latin1'));
    if (parsed === undefined || isDead(parsed.state)) return undefined;
    return { pid, pgid: parsed.pgid, startTime: `${boot.trim()}/${parsed.startTicks}` };
  };

  /** Undefined when it is gone or somebody else's. */
  const environOf = async (pid: number): Promise<Buffer | undefined> => {
    for (let look = 1; ; look += 1) {
      const environ = await readIfThere(`${root}/${String(pid)}/environ`);
      if (environ === undefined || environ.length > 0 || look === LOOKS_AT_STARTING) return environ;
      const stat = await readIfThere(`${root}/${String(pid)}/stat`);
      const found = stat === undefined ? undefined : parseStat(stat.toString('latin1'));
      if (found === undefined || isDead(found.state) || found.isKernelThread) return environ;
      // Whoever sleeps is not starting anything, but may have been when its environment was read.
      if (found.state === 'S' && look > 1) return environ;
      if (look > 1) await pause();
    }
  };

  const pids = async (): Promise<readonly number[]> =>
    (await readdir(root)).filter((name) => /^\d+$/.test(name)).map(Number);

  return {
    async lookup(wanted) {
      const found = await mapLimited(wanted, entryOf);
      return new Map(found.map((entry) => [entry.pid, entry]));
    },
    async groupMembers(pgid) {
      const found = await mapLimited(await pids(), entryOf);
      return found.filter((entry) => entry.pgid === pgid);
    },
    async withVariable(name) {
      return await mapLimited(await pids(), async (pid): Promise<MarkedProcess | undefined> => {
        const environ = await environOf(pid);
        const value = environ === undefined ? undefined : variableIn(environ, name);
        if (value === undefined) return undefined;
        const entry = await entryOf(pid);
        return entry === undefined ? undefined : { ...entry, value };
      });
    },
  };
}

interface Stat {
  readonly state: string;
  readonly pgid: number;
  readonly startTicks: string;
  readonly isKernelThread: boolean;
}

/** Fields 3, 5, 9 and 22 of `/proc/<pid>/stat`. The second field, the command, may itself hold blanks and brackets. */
export function parseStat(text: string): Stat | undefined {
  const rest = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(' ');
  const [state, , pgid, , , , flags] = rest;
  const startTicks = rest[19];
  if (state === undefined || pgid === undefined || startTicks === undefined || !/^\d+$/.test(startTicks)) {
    return undefined;
  }
  return { state, pgid: Number(pgid), startTicks, isKernelThread: (Number(flags) & KERNEL_THREAD) !== 0 };
}

/** The value of a variable in a block of NUL-terminated `NAME=value`. */
export function variableIn(environ: Buffer, name: string): string | undefined {
  const wanted = Buffer.from(`${name}=`);
  for (let at = environ.indexOf(wanted); at !== -1; at = environ.indexOf(wanted, at + 1)) {
    if (at > 0 && environ[at - 1] !== 0) continue;
    const start = at + wanted.length;
    const end = environ.indexOf(0, start);
    return environ.toString('utf8', start, end === -1 ? environ.length : end);
  }
  return undefined;
}

function isDead(state: string): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}

/** Undefined when the process is gone or somebody else's. */
async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch {
    return undefined;
  }
}

async function mapLimited<T>(
  pids: readonly number[],
  work: (pid: number) => Promise<T | undefined>,
): Promise<readonly T[]> {
  const results: T[] = [];
  const queue = pids.values();
  const worker = async (): Promise<void> => {
    for (const pid of queue) {
      const result = await work(pid);
      if (result !== undefined) results.push(result);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return results;
}
