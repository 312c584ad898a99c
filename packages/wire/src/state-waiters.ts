import { withDeadline } from '@gateway-provisioners/core';
import type { CallOptions, Clock } from '@gateway-provisioners/core';

interface Waiter {
  /** True when the wait is over; throws when it can only fail. */
  readonly isOver: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Waits for a condition on state that says when it changes. */
export class StateWaiters {
  readonly #waiters = new Set<Waiter>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles once `isOver` returns true or throws, looked at now and at each {@link StateWaiters.check}. */
  async until(
    what: string,
    isOver: () => boolean,
    options: CallOptions & { readonly timeoutMs: number },
  ): Promise<void> {
    if (isOver()) return;
    let waiter: Waiter | undefined;
    try {
      await withDeadline(
        { what, clock: this.#clock, timeoutMs: options.timeoutMs, signal: options.signal },
        () =>
          new Promise<void>((resolve, reject) => {
            waiter = { isOver, resolve, reject };
            this.#waiters.add(waiter);
          }),
      );
    } finally {
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  check(): void {
    for (const waiter of [...this.#waiters]) {
      try {
        if (waiter.isOver()) waiter.resolve();
      } catch (error) {
        waiter.reject(error);
      }
    }
  }
}
