import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';

/** A process of this machine. Pids are used again; together with the start time they are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** As the system words it; empty when it cannot be found out. */
  readonly startTime: string;
}

const identity = z.object({ pid: z.number().int().min(1), startTime: z.string() });

export async function thisProcess(): Promise<ProcessIdentity> {
  return { pid: process.pid, startTime: await startTimeOf(process.pid) };
}

export function parseProcessIdentity(text: string): ProcessIdentity | undefined {
  try {
    return identity.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export async function isRunning(candidate: ProcessIdentity): Promise<boolean> {
  try {
    process.kill(candidate.pid, 0);
  } catch (error) {
    // EPERM: it exists and is somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  const startTime = await startTimeOf(candidate.pid);
  return startTime === '' || candidate.startTime === '' || startTime === candidate.startTime;
}

async function startTimeOf(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') {
      const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
      // The second field is the program's name in parentheses and may hold anything; field 22 is the start time.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    }
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], { timeout: 5_000 });
    return stdout.trim();
  } catch {
    return '';
  }
}
