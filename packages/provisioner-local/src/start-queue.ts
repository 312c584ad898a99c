import { availableParallelism } from 'node:os';
import { abortError, throwIfAborted } from '@gateway-provisioners/core';
import type { CallOptions, Cancellation, Clock } from '@gateway-provisioners/core';

export interface StartQueueOptions {
  readonly clock: Clock;
  /** Kernels that start at once on a busy machine. Default: one for each processor. */
  readonly width?: number | undefined;
}

/** How often is looked whether the machine has room for more. */
const PACE_MS = 25;
/** A timer that comes later than this tells that others have the processors. */
const LATE_MS = 2;
/** A kernel that has not come up by then does not hold up the others any longer. */
const LONGEST_HOLD_MS = 1_000;

interface Waiter {
  readonly admit: () => void;
}

/**
 * Lets kernels start in the order in which they came, as many at a time as there are processors. Started all at once
 * they would take the processors from this program, which would answer nobody meanwhile.
 *
 * While the machine has room (our own timers are punctual) more are let in than that: kernels that wait for
 * something, or hang, hold up nobody.
 */
export class StartQueue {
  readonly #clock: Clock;
  readonly #width: number;
  readonly #waiting: Waiter[] = [];
  #starting = 0;
  #cancelLook: Cancellation | undefined;

  constructor(options: StartQueueOptions) {
    this.#clock = options.clock;
    this.#width = options.width ?? availableParallelism();
  }

  /**
   * Calls `start` when it is its turn, and settles like it: when the kernel has come up, or not. Rejects without a call
   * when `signal` aborts before.
   */
  async run<T>(start: () => Promise<T>, { signal }: CallOptions): Promise<T> {
    throwIfAborted(signal);
    if (this.#starting >= this.#width || this.#waiting.length > 0) await this.#turn(signal);
    else this.#starting += 1;
    const release = this.#hold();
    try {
      return await start();
    } finally {
      release();
    }
  }

  /** Resolves when it has been counted as starting. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        this.#look();
        if (signal !== undefined) reject(abortError(signal));
      };
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiter);
      this.#look();
    });
  }

  /** Returns what gives the place up; so does time. */
  #hold(): Cancellation {
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) return;
      isHeld = false;
      cancelTimer();
      this.#starting -= 1;
      while (this.#starting < this.#width && this.#waiting.length > 0) this.#admit();
      this.#look();
    };
    const cancelTimer = this.#clock.schedule(LONGEST_HOLD_MS, release, { background: true });
    return release;
  }

  #admit(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#starting += 1;
    next.admit();
  }

  /** Looks again and again while somebody waits. */
  #look(): void {
    if (this.#waiting.length === 0) {
      this.#cancelLook?.();
      this.#cancelLook = undefined;
      return;
    }
    if (this.#cancelLook !== undefined) return;
    const dueAt = this.#clock.now() + PACE_MS;
    this.#cancelLook = this.#clock.schedule(PACE_MS, () => {
      this.#cancelLook = undefined;
      if (this.#clock.now() - dueAt <= LATE_MS) this.#admit();
      this.#look();
    });
  }
}
