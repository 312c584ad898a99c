import { delay, raceSignal } from '@gateway-provisioners/core';
import type { CallOptions, Clock } from '@gateway-provisioners/core';

/** After a start of a process everybody else gets as much time as it took, up to this. */
const LONGEST_PAUSE_MS = 25;

/**
 * Starts processes one after the other, with a pause after each that is as long as the start was. A start blocks this
 * program until the new process runs its own program, tens of milliseconds on a busy machine: a hundred in a row would
 * leave every other request without an answer for seconds. What the kernels do once they run is not waited for.
 */
export class SpawnTurns {
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

  /** Calls `start` when it is its turn, and settles like it. Rejects without a call when `signal` aborts before. */
  async run<T>(start: () => Promise<T>, { signal }: CallOptions): Promise<T> {
    const before = this.#last;
    let finish: (pause: Promise<unknown>) => void = () => undefined;
    this.#last = new Promise((resolve) => {
      finish = resolve;
    });
    try {
      await raceSignal(before, signal);
    } catch (error) {
      finish(before); // who left the queue does not shorten the turn of those before
      throw error;
    }
    const startedAt = this.#clock.now();
    try {
      return await start();
    } finally {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(0, this.#clock.now() - startedAt));
      finish(pauseMs === 0 ? Promise.resolve() : delay(pauseMs, { clock: this.#clock }));
    }
  }
}
