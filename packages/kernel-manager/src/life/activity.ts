import type { Clock } from '@gateway-provisioners/core';
import type { KernelMessage } from '@gateway-provisioners/wire';

/** What a kernel says of itself. */
export type ReportedState = 'unknown' | 'starting' | 'idle' | 'busy';

/** Requests that are followed at a time; more than any kernel works on at once. */
const MAX_OPEN_REQUESTS = 256;

/**
 * Follows what a kernel does from its `status` messages. A kernel may work on several requests at once (control beside
 * shell, subshells): it is busy until each that went busy has gone idle.
 */
export class Activity {
  readonly #clock: Clock;
  #state: ReportedState = 'unknown';
  #lastActivity: number;
  /** Requests that went busy; true once they were answered, after which their idle is only a formality. */
  readonly #open = new Map<string, boolean>();

  constructor(clock: Clock, lastActivity: number) {
    this.#clock = clock;
    this.#lastActivity = lastActivity;
  }

  get state(): ReportedState {
    return this.#state;
  }

  /** Milliseconds since the epoch. */
  get lastActivity(): number {
    return this.#lastActivity;
  }

  touch(): void {
    this.#lastActivity = this.#clock.now();
  }

  /** A new incarnation, or one that was found: nothing is known of it. */
  reset(state: ReportedState): void {
    this.#open.clear();
    this.#state = state;
  }

  /** What its answers to our own requests tell; what it says itself goes before. */
  settle(isBusy: boolean): void {
    if (this.#open.size > 0) return;
    if (!isBusy) this.#state = 'idle';
    else if (this.#state === 'unknown') this.#state = 'busy';
  }

  /** Takes note of a message from the kernel. */
  observe(message: KernelMessage): void {
    this.touch();
    const parent = message.parentHeader.msg_id ?? '';
    if (message.channel === 'iopub') {
      if (message.header.msg_type === 'status') this.#onStatus(parent, executionStateOf(message));
    } else if (message.channel !== 'stdin' && this.#open.has(parent)) {
      this.#open.set(parent, true);
    }
  }

  #onStatus(parent: string, state: unknown): void {
    if (state === 'busy') {
      this.#dropAnswered(parent);
      this.#open.set(parent, false);
      for (const oldest of this.#open.keys()) {
        if (this.#open.size <= MAX_OPEN_REQUESTS) break;
        this.#open.delete(oldest);
      }
      this.#state = 'busy';
    } else if (state === 'idle') {
      this.#open.delete(parent);
      this.#dropAnswered(parent);
      this.#state = this.#open.size === 0 ? 'idle' : 'busy';
    } else if (state === 'starting') {
      this.#open.clear();
      this.#state = 'starting';
    }
  }

  /** Requests that were answered and whose idle was lost must not keep the kernel busy for ever. */
  #dropAnswered(except: string): void {
    for (const [parent, isAnswered] of this.#open) if (isAnswered && parent !== except) this.#open.delete(parent);
  }
}

function executionStateOf(message: KernelMessage): unknown {
  try {
    return message.parseContent()['execution_state'];
  } catch {
    return undefined;
  }
}
