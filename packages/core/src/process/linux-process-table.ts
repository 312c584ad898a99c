import { readFile, readdir } from 'node:fs/promises';
import type { MarkedProcess, ProcessEntry, ProcessTable } from './process-table.ts';

// Reads run on libuv's four threads; more at once would only queue before other file work.
const CONCURRENCY = 4;

/** Processes as `/proc` shows them (proc(5)). */
export function linuxProcessTable(options: { readonly root?: string } = {}): ProcessTable {
  const root = options.root ?? '/proc';
  let bootId: Promise<string> | undefined;

  const entryOf = async (pid: number): Promise<ProcessEntry | undefined> => {
    // Clock ticks since boot repeat after a reboot, so the boot belongs to the identity.
    bootId ??= readFile(`${root}/sys/kernel/random/boot_id`, 'latin1');
    const [boot, stat] = await Promise.all([bootId, readIfThere(`${root}/${String(pid)}/stat`)]);
    const parsed = stat === undefined ? undefined : parseStat(stat.toString('latin1'));
    if (parsed === undefined || isDead(parsed.state)) return undefined;
    return { pid, pgid: parsed.pgid, startTime: `${boot.trim()}/${parsed.startTicks}` };
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
        const environ = await readIfThere(`${root}/${String(pid)}/environ`);
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
}

/** Fields 3, 5 and 22 of `/proc/<pid>/stat`. The second field, the command, may itself hold blanks and brackets. */
export function parseStat(text: string): Stat | undefined {
  const rest = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(' ');
  const [state, , pgid] = rest;
  const startTicks = rest[19];
  if (state === undefined || pgid === undefined || startTicks === undefined || !/^\d+$/.test(startTicks)) {
    return undefined;
  }
  return { state, pgid: Number(pgid), startTicks };
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
