import type { Cancellation } from './clock.ts';

/** A value that changes over time. */
export interface Observed<T> {
  readonly current: T;
  /** Calls `listener` on every later change, not for the current value. */
  subscribe(listener: (value: T) => void): Cancellation;
}

export interface ObservedSource<T> extends Observed<T> {
  set(value: T): void;
}

export function observed<T>(initial: T): ObservedSource<T> {
  let current = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get current() {
      return current;
    },
    set(value) {
      current = value;
      for (const listener of [...listeners]) listener(value);
    },
    subscribe(listener) {
      // A wrapper, so that one function subscribed twice is two subscriptions.
      const entry = (value: T): void => {
        listener(value);
      };
      listeners.add(entry);
      return () => {
        listeners.delete(entry);
      };
    },
  };
}
