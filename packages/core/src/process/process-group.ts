import type { KernelExit } from '../errors.ts';
import type { CallOptions } from '../provisioner.ts';
import type { ProcessIdentity } from './process-table.ts';

/** How the first process of a group ended. */
export interface ProcessExit {
  /** `unknown` for a process that is not our child; undefined when a signal ended it. */
  readonly exitCode: number | 'unknown' | undefined;
  /** `SIGKILL` and the like. */
  readonly signal: string | undefined;
}

export interface EndGroupOptions extends CallOptions {
  /** Milliseconds between SIGTERM and SIGKILL; 0: SIGKILL at once. */
  readonly graceMs: number;
  /** Milliseconds to wait for the group to be empty after SIGKILL. Default 10,000. */
  readonly killWaitMs?: number | undefined;
}

/**
 * A process that leads its own session and process group, with all that it has started in that group.
 * Disposing lets go of it and leaves it running.
 */
export interface ProcessGroup extends Disposable {
  readonly identity: ProcessIdentity;
  readonly pid: number;
  /** Settles when the leader has ended; never rejects. Never settles after disposal of an attached group. */
  readonly exited: Promise<ProcessExit>;
  /** Whether the leader still runs, as far as has been noticed. */
  readonly running: boolean;
  /** Signals every process of the group. False when it is empty. */
  signalGroup(signum: number): Promise<boolean>;
  /** Signals the leader alone. False when it is gone. */
  signalLeader(signum: number): Promise<boolean>;
  /** Whether any process of the group lives; the leader may have gone before its children. */
  isEmpty(): Promise<boolean>;
  /**
   * SIGTERM, and SIGKILL after `graceMs`, to the whole group; resolves when no process of it is left. An empty group
   * is no error. Errors: `DEADLINE_EXCEEDED` when even SIGKILL did not end it, `CANCELLED`, `FORBIDDEN`.
   */
  endGroup(options: EndGroupOptions): Promise<void>;
}

/** The contract's words for the end of a process. */
export function toKernelExit(exit: ProcessExit, logTail: string): KernelExit {
  if (exit.signal !== undefined) return { reason: 'signalled', signal: exit.signal, logTail };
  if (exit.exitCode === 'unknown') return { reason: 'gone', exitCode: 'unknown', logTail };
  return { reason: 'exited', ...(exit.exitCode === undefined ? {} : { exitCode: exit.exitCode }), logTail };
}
