import { spawn } from 'node:child_process';
import { withDeadline } from '@gateway-provisioners/core';
import { OutputTail } from './output-tail.ts';

export interface RunProgramOptions {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Milliseconds; its whole process group is killed then. */
  readonly timeoutMs: number;
}

export interface ProgramResult {
  /** Null: ended by a signal. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Errors: it cannot be started, or is not done in time (with the end of its output). */
export async function runProgram(options: RunProgramOptions): Promise<ProgramResult> {
  const [program, ...args] = options.command;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stdout = new OutputTail();
  const stderr = new OutputTail();
  stdout.follow(child.stdout);
  stderr.follow(child.stderr);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  try {
    const exitCode = await withDeadline({ what: `end of ${program}`, timeoutMs: options.timeoutMs }, () => ended);
    return { exitCode, stdout: stdout.text, stderr: stderr.text };
  } catch (error) {
    if (child.pid !== undefined) killGroup(child.pid);
    throw new Error(`${options.command.join(' ')}\n${stdout.lastLines()}\n${stderr.lastLines()}`, { cause: error });
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended already.
  }
}
