import { systemClock } from '../clock.ts';
import type { Cancellation, Clock } from '../clock.ts';

interface Timer {
  readonly at: number;
  readonly run: () => void;
  readonly isBackground: boolean;
  cancel: Cancellation;
}

/**
 * The time of this machine, of which a test can leave some out: for deadlines that are to pass when something has
 * happened in a real system, however long that takes.
 */
export class SkippingClock implements Clock {
  #skippedMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return systemClock.now() + this.#skippedMs;
  }

  schedule(delayMs: number, callback: () => void, options: { readonly background?: boolean } = {}): Cancellation {
    const timer: Timer = {
      at: this.now() + delayMs,
      run: () => {
        this.#timers.delete(timer);
        timer.cancel();
        callback();
      },
      isBackground: options.background === true,
      cancel: () => undefined,
    };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => {
      this.#timers.delete(timer);
      timer.cancel();
    };
  }

  /** Runs what would be due then, in order; all else comes that much earlier. */
  skip(ms: number): void {
    this.#skippedMs += ms;
    const now = this.now();
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      // What ran before it may have cancelled it.
      if (!this.#timers.has(timer)) continue;
      if (timer.at <= now) timer.run();
      else this.#arm(timer);
    }
  }

  #arm(timer: Timer): void {
    timer.cancel();
    timer.cancel = systemClock.schedule(timer.at - this.now(), timer.run, { background: timer.isBackground });
  }
}
