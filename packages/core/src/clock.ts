/** Time, as an option, so that tests need not wait. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Calls back once after `delayMs`; returns what cancels it. A `background` timer (culling, statistics) does not keep
   * the process alive by itself.
   */
  schedule(delayMs: number, callback: () => void, options?: { readonly background?: boolean }): Cancellation;
}

/** Undoes a registration: a timer, a subscription. Calling it twice does no harm. */
export type Cancellation = () => void;

// setTimeout overflows to 1 ms beyond this.
const MAX_DELAY_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(delayMs, callback, options) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_DELAY_MS));
    if (options?.background === true) timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};
