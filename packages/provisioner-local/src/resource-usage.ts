import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemProcessTable } from '@gateway-provisioners/core';
import type { ProvisionerState } from '@gateway-provisioners/core';
import { parseLocalState } from './local-state.ts';

/** What the process group of a kernel uses, summed over its processes. */
export interface ResourceUsage {
  readonly processes: number;
  /** Resident memory, in bytes; pages that processes share count once for each. */
  readonly rssBytes: number;
  /** Processor time since the start of the processes, user and system, in milliseconds. */
  readonly cpuMs: number;
  /** Undefined where the system does not tell (macOS). */
  readonly threads: number | undefined;
}

// The unit of times in /proc/<pid>/stat as Linux shows it to programs, whatever the kernel's own tick is.
const CLOCK_TICKS_PER_SECOND = 100;

/**
 * Memory, processor time and threads of a kernel of this provisioner, by its state. Undefined when it is gone.
 * Errors: `INVALID_ARGUMENT` when the state is not one of local-provisioner.
 */
export async function readResourceUsage(state: ProvisionerState): Promise<ResourceUsage | undefined> {
  const { process: identity } = parseLocalState(state);
  if (identity === undefined) return undefined;
  const members = await systemProcessTable().groupMembers(identity.pid);
  const leader = members.find(({ pid }) => pid === identity.pid);
  // Another process with the number: the group is not the kernel's any more.
  if (leader !== undefined && leader.startTime !== identity.startTime) return undefined;
  const pids = members.map(({ pid }) => pid);
  const found = process.platform === 'linux' ? await readProc(pids) : parsePsUsage(await runPs(pids));
  if (found.length === 0) return undefined;
  const threads = found.map((usage) => usage.threads);
  return {
    processes: found.length,
    rssBytes: sum(found.map(({ rssBytes }) => rssBytes)),
    cpuMs: sum(found.map(({ cpuMs }) => cpuMs)),
    threads: threads.includes(undefined) ? undefined : sum(threads.map((count) => count ?? 0)),
  };
}

type ProcessUsage = Omit<ResourceUsage, 'processes'>;

async function readProc(pids: readonly number[]): Promise<readonly ProcessUsage[]> {
  const found = await Promise.all(
    pids.map(async (pid) => {
      try {
        const folder = `/proc/${String(pid)}`;
        return parseProcUsage(await readFile(`${folder}/stat`, 'latin1'), await readFile(`${folder}/status`, 'latin1'));
      } catch {
        return undefined;
      }
    }),
  );
  return found.filter((usage) => usage !== undefined);
}

/** Fields 14 and 15 of `/proc/<pid>/stat` and `VmRSS`, `Threads` of `/proc/<pid>/status` (proc(5)). */
export function parseProcUsage(stat: string, status: string): ProcessUsage | undefined {
  // The second field, the command, may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const rssKiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  const threads = Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1]);
  if (!Number.isFinite(ticks) || !Number.isFinite(threads)) return undefined;
  return { rssBytes: rssKiB * 1024, cpuMs: (ticks * 1000) / CLOCK_TICKS_PER_SECOND, threads };
}

/** Lines of `rss` in KiB and `time` as `[[dd-]hh:]mm:ss[.cc]`. */
export function parsePsUsage(output: string): readonly ProcessUsage[] {
  return output.split('\n').flatMap((line) => {
    const [, rss, days = '0', clock] = /^\s*(\d+)\s+(?:(\d+)-)?([\d:.]+)\s*$/.exec(line) ?? [];
    if (rss === undefined || clock === undefined) return [];
    const seconds = clock.split(':').reduce((total, part) => total * 60 + Number(part), 0);
    const cpuMs = Math.round((Number(days) * 86_400 + seconds) * 1000);
    return [{ rssBytes: Number(rss) * 1024, cpuMs, threads: undefined }];
  });
}

const execFileAsync = promisify(execFile);

async function runPs(pids: readonly number[]): Promise<string> {
  if (pids.length === 0) return '';
  try {
    const args = ['-o', 'rss=,time=', '-p', pids.join(',')];
    const { stdout } = await execFileAsync('ps', args, {
      timeout: 10_000,
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' },
    });
    return stdout;
  } catch {
    // ps fails when none of them lives.
    return '';
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0);
}
