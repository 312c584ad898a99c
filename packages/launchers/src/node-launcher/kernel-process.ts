import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { LauncherError } from './launcher-error.ts';
import { LogTail } from './log-tail.ts';
import { oomKills } from './oom-kills.ts';
import type { OutputRelay } from './output-relay.ts';

const TERMINATE_MS = 5000;
const LAST_OUTPUT_MS = 1000;

/** How the kernel ended, as the comm channel tells it. */
export interface KernelExit {
  readonly reason: 'exited' | 'signalled' | 'oom' | 'killed';
  readonly exit_code?: number;
  readonly signal?: string;
  readonly detail?: string;
}

export interface StartOptions {
  readonly command: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: OutputRelay;
  readonly stderr: OutputRelay;
}

/** A kernel's process, the leader of a session and group of its own. */
export class KernelProcess {
  readonly pid: number;
  readonly log = new LogTail();
  readonly ended: Promise<KernelExit>;
  /** Known once the last of the output is: whoever asks then gets all of it. */
  #exit: KernelExit | undefined;
  #isGone = false;
  #orderedEnd: string | undefined;

  private constructor(child: ChildProcess, pid: number, options: StartOptions & { readonly oomBefore: number }) {
    this.pid = pid;
    const follow = (stream: ChildProcess['stdout'], relay: OutputRelay): void => {
      stream?.on('data', (chunk: Uint8Array) => {
        this.log.add(chunk);
        relay.push(chunk);
      });
    };
    follow(child.stdout, options.stdout);
    follow(child.stderr, options.stderr);
    this.ended = this.#follow(child, options.oomBefore);
  }

  /** Errors: {@link LauncherError} when the program cannot be run. */
  static async start(options: StartOptions): Promise<KernelProcess> {
    const oomBefore = await oomKills();
    const [program, ...args] = options.command;
    const child = spawn(program, args, { env: options.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    if (child.pid !== undefined) return new KernelProcess(child, child.pid, { ...options, oomBefore });
    const [error] = (await once(child, 'error')) as [Error];
    throw new LauncherError(`the kernel's program ${program} cannot be run: ${error.message}`);
  }

  get exit(): KernelExit | undefined {
    return this.#exit;
  }

  /** An interrupt goes to the whole group, as from a terminal; other signals to the kernel alone. False: it has ended. */
  signal(signum: number): boolean {
    if (this.#isGone) return false;
    return send(signum === 2 ? -this.pid : this.pid, signum);
  }

  /** SIGTERM, 5 seconds later SIGKILL. `reason` becomes the detail of the exit. */
  async terminate(reason: string): Promise<KernelExit> {
    if (this.#isGone) return await this.ended;
    this.#orderedEnd ??= reason;
    send(-this.pid, 15);
    const timer = setTimeout(() => send(-this.pid, 9), TERMINATE_MS);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  async #follow(child: ChildProcess, oomBefore: number): Promise<KernelExit> {
    const closed = once(child, 'close');
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    this.#isGone = true;
    const oom = signal === 'SIGKILL' && (await oomKills()) > oomBefore;
    // What the kernel started goes with it; a process that left the group may keep the pipes open.
    send(-this.pid, 9);
    const timer = setTimeout(() => child.emit('close'), LAST_OUTPUT_MS);
    await closed;
    clearTimeout(timer);
    this.#exit = describeExit({ code, signal, oom, orderedEnd: this.#orderedEnd });
    return this.#exit;
  }
}

function describeExit(end: {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly oom: boolean;
  readonly orderedEnd: string | undefined;
}): KernelExit {
  const how = end.signal === null ? { exit_code: end.code ?? 0 } : { signal: end.signal };
  if (end.orderedEnd !== undefined) return { reason: 'killed', ...how, detail: end.orderedEnd };
  if (end.oom) return { reason: 'oom', ...how };
  return { reason: end.signal === null ? 'exited' : 'signalled', ...how };
}

/** A negative id is a group's. False when there is nobody. */
function send(id: number, signum: number): boolean {
  try {
    process.kill(id, signum);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
