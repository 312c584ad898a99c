import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { throwIfAborted } from '../deadline.ts';
import { errorMessage, KernelFailureError } from '../errors.ts';
import type { CallOptions } from '../provisioner.ts';
import { systemErrorCode } from '../system-error.ts';
import { GroupControl } from './group-control.ts';
import { openLogFile } from './log-file.ts';
import type { ProcessExit, ProcessGroup } from './process-group.ts';
import type { ProcessTable } from './process-table.ts';
import { systemProcessTable } from './process-table.ts';

export interface SpawnProcessGroupOptions extends CallOptions {
  /** Program and arguments; the program is searched on the PATH of `env`. No shell is involved. */
  readonly command: readonly string[];
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly cwd: string;
  /** File that gets stdout and stderr; made empty, with mode 0600. It outlives this program, as a pipe would not. */
  readonly logPath: string;
  readonly table?: ProcessTable | undefined;
  readonly clock?: Clock | undefined;
}

/** `startTime` of a process that had ended before anybody could look. No live process has it. */
const NEVER_SEEN = 'ended-at-once';

/**
 * Starts a program as the leader of its own session and process group, without stdin.
 * Errors: `LAUNCH_FAILED` with what to do: program or folder missing, not executable, too many processes or files.
 */
export async function spawnProcessGroup(options: SpawnProcessGroupOptions): Promise<ProcessGroup> {
  throwIfAborted(options.signal);
  const table = options.table ?? systemProcessTable();
  const { child, exited } = await start(options);
  const pid = child.pid ?? 0;
  const entry = (await table.lookup([pid])).get(pid);
  const isHeld = (): boolean => child.exitCode === null && child.signalCode === null;
  // What was seen under that number counts only if the number was still the child's afterwards.
  const identity = { pid, startTime: entry !== undefined && isHeld() ? entry.startTime : NEVER_SEEN };
  const control = new GroupControl({ identity, table, clock: options.clock ?? systemClock, isHeld });
  if (options.signal?.aborted === true) {
    await control.end({ graceMs: 0 });
    throwIfAborted(options.signal);
  }
  return {
    identity,
    pid,
    exited,
    get running() {
      return isHeld();
    },
    signalGroup: (signum) => control.signalGroup(signum),
    signalLeader: (signum) => control.signalLeader(signum),
    isEmpty: () => control.isEmpty(),
    endGroup: (endOptions) => control.end(endOptions),
    [Symbol.dispose]() {
      child.unref();
    },
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly exited: Promise<ProcessExit>;
}

async function start(options: SpawnProcessGroupOptions): Promise<Started> {
  const [program, ...args] = options.command;
  if (program === undefined || program === '') {
    throw new KernelFailureError('LAUNCH_FAILED', 'the command to start is empty: check `argv` of the kernelspec');
  }
  const log = await openLog(options.logPath);
  try {
    return await new Promise<Started>((resolve, reject) => {
      const child = spawn(program, args, {
        cwd: options.cwd,
        env: { ...options.env },
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      });
      // Listening begins here: a short-lived program may end before anything else is awaited.
      const exited = exitOf(child);
      child.once('error', reject);
      child.once('spawn', () => {
        child.off('error', reject);
        // Later errors are about signals that could not be sent, which we send ourselves.
        child.on('error', () => undefined);
        resolve({ child, exited });
      });
    });
  } catch (error) {
    throw new KernelFailureError('LAUNCH_FAILED', await explain(error, program, options.cwd), { cause: error });
  } finally {
    // The child has its own copy.
    await log.close();
  }
}

async function openLog(path: string): ReturnType<typeof openLogFile> {
  try {
    return await openLogFile(path);
  } catch (error) {
    const message = `the kernel's log file ${path} cannot be written: ${errorMessage(error)}`;
    throw new KernelFailureError('LAUNCH_FAILED', message, { cause: error });
  }
}

function exitOf(child: ChildProcess): Promise<ProcessExit> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => {
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined });
    });
  });
}

/** What went wrong and what to do. The system says ENOENT and EACCES for the folder as for the program. */
async function explain(error: unknown, program: string, cwd: string): Promise<string> {
  const code = systemErrorCode(error);
  const name = JSON.stringify(program);
  if (code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR') {
    const folderProblem = await problemOfFolder(cwd);
    if (folderProblem !== undefined) return `the working directory ${cwd} ${folderProblem}`;
  }
  switch (code) {
    case 'ENOENT':
      return program.includes('/')
        ? `${name} does not exist, or the interpreter in its first line does not; check \`argv\` of the kernelspec`
        : `${name} was not found on the kernel's PATH: install it, or give its full path in \`argv\` of the kernelspec`;
    case 'EACCES':
      return `${name} may not be executed: check its permissions and those of its folders`;
    case 'ENOEXEC':
      return `${name} is not a program for this machine, or a script without a \`#!\` line`;
    case 'E2BIG':
      return `arguments and environment are too large to start ${name}: shorten \`env\``;
    case 'EAGAIN':
    case 'ENOMEM':
      return `the system has no room for another process (${code}): raise the limit of processes or memory`;
    case 'EMFILE':
    case 'ENFILE':
      return `too many files are open to start ${name} (${code}): raise the limit of open files`;
    default:
      return `${name} could not be started: ${errorMessage(error)}`;
  }
}

async function problemOfFolder(path: string): Promise<string | undefined> {
  try {
    const folder = await stat(path);
    if (!folder.isDirectory()) return 'is not a folder';
    await access(path, constants.X_OK);
    return undefined;
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT' ? 'does not exist' : 'may not be entered';
  }
}
