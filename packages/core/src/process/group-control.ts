import type { Clock } from '../clock.ts';
import { delay, openDeadline, throwIfAborted } from '../deadline.ts';
import { isProvisionerError, ProvisionerError } from '../errors.ts';
import type { EndGroupOptions } from './process-group.ts';
import { sendSignal } from './process-signals.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.ts';

const SIGTERM = 15;
const SIGKILL = 9;
const FIRST_LOOK_MS = 5;
const LONGEST_LOOK_MS = 100;

export interface GroupControlOptions {
  readonly identity: ProcessIdentity;
  readonly table: ProcessTable;
  readonly clock: Clock;
  /**
   * True while the leader is our child and has not been waited for: its number cannot belong to anybody else then.
   */
  readonly isHeld: () => boolean;
}

/**
 * Signals one process group, and never another that has got its number: once it was seen empty it stays so.
 * A number is not given out again while it names a group with members.
 */
export class GroupControl {
  readonly #options: GroupControlOptions;
  #empty = false;

  constructor(options: GroupControlOptions) {
    this.#options = options;
  }

  async signalGroup(signum: number): Promise<boolean> {
    if (!(await this.#isOurs())) return false;
    return this.#send(signum);
  }

  async signalLeader(signum: number): Promise<boolean> {
    const { identity, isHeld } = this.#options;
    if (isHeld()) return sendSignal(identity.pid, signum);
    const entries = await this.#options.table.lookup([identity.pid]);
    if (entries.get(identity.pid)?.startTime !== identity.startTime) return false;
    return sendSignal(identity.pid, signum);
  }

  async isEmpty(): Promise<boolean> {
    if (!(await this.#isOurs())) return true;
    if (!this.#send(0)) return true;
    // Signal 0 also finds zombies, which nobody may ever collect in a container without an init process.
    const members = await this.#options.table.groupMembers(this.#options.identity.pid);
    if (members.length > 0) return false;
    this.#empty = !this.#options.isHeld();
    return true;
  }

  async end(options: EndGroupOptions): Promise<void> {
    if (options.graceMs > 0) {
      if (!(await this.signalGroup(SIGTERM))) return;
      if (await this.#waitUntilEmpty(options.graceMs, options.signal)) return;
    }
    const killWaitMs = options.killWaitMs ?? 10_000;
    if (!(await this.signalGroup(SIGKILL))) return;
    if (await this.#waitUntilEmpty(killWaitMs, options.signal)) return;
    throw new ProvisionerError(
      'DEADLINE_EXCEEDED',
      `process group ${String(this.#options.identity.pid)} is still there ${String(killWaitMs)} ms after SIGKILL; ` +
        'a process may hang in the operating system (network file system, device)',
    );
  }

  /** Looks ever less often; only while somebody ends the group, and never beyond `timeoutMs`. */
  async #waitUntilEmpty(timeoutMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { clock } = this.#options;
    using deadline = openDeadline({ signal, timeoutMs, what: 'the end of a process group', clock });
    let pauseMs = FIRST_LOOK_MS;
    for (;;) {
      if (await this.isEmpty()) return true;
      throwIfAborted(signal);
      if (deadline.remainingMs() === 0) return false;
      await delay(Math.min(pauseMs, deadline.remainingMs()), { signal, clock });
      pauseMs = Math.min(pauseMs * 2, LONGEST_LOOK_MS);
    }
  }

  async #isOurs(): Promise<boolean> {
    if (this.#empty) return false;
    const { identity, table, isHeld } = this.#options;
    if (isHeld()) return true;
    const leader = (await table.lookup([identity.pid])).get(identity.pid);
    // Another process with this number means that our group was empty at some time since.
    if (leader !== undefined && leader.startTime !== identity.startTime) this.#empty = true;
    return !this.#empty;
  }

  #send(signum: number): boolean {
    const { identity, isHeld } = this.#options;
    try {
      if (sendSignal(identity.pid, signum, { group: true })) return true;
    } catch (error) {
      // macOS answers EPERM for a group in which only zombies are left.
      if (!isProvisionerError(error, 'FORBIDDEN') || process.platform === 'linux') throw error;
    }
    this.#empty = !isHeld();
    return false;
  }
}
