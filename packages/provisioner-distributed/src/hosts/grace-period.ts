import type { Cancellation, Clock } from '@gateway-provisioners/core';

export interface GracePeriodOptions {
  /** In milliseconds; 0: it never ends. */
  readonly graceMs: number;
  readonly clock: Clock;
  /** When the kernel, or its host, was last heard of: milliseconds since the epoch. */
  readonly heardAt: () => number;
  /** Asks once more, in every way there is, before the kernel is given up. Never rejects. */
  readonly signOfLife: () => Promise<boolean>;
  /** Called once, with how long there was none. */
  readonly onLost: (silentMs: number) => void;
}

/** Gives a kernel up when nothing was heard of it for too long. Dispose of it when that does not matter any more. */
export class GracePeriod implements Disposable {
  readonly #options: GracePeriodOptions;
  #lastSignAt: number;
  #cancel: Cancellation = () => undefined;
  #isOver = false;

  constructor(options: GracePeriodOptions) {
    this.#options = options;
    this.#lastSignAt = options.clock.now();
    if (options.graceMs > 0) this.#wait(options.graceMs);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#cancel();
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#options.clock.schedule(delayMs, () => void this.#look(), { background: true });
  }

  async #look(): Promise<void> {
    const { clock, graceMs, heardAt, signOfLife, onLost } = this.#options;
    const silentMs = clock.now() - Math.max(this.#lastSignAt, heardAt());
    if (silentMs < graceMs) {
      this.#wait(graceMs - silentMs);
      return;
    }
    const isAlive = await signOfLife();
    if (this.#isOver) return;
    if (isAlive) {
      this.#lastSignAt = clock.now();
      this.#wait(graceMs);
      return;
    }
    this.#isOver = true;
    onLost(silentMs);
  }
}
