import type { Cancellation, Clock } from '@gateway-provisioners/core';

interface HoldLeaseOptions {
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly renew: (signal: AbortSignal) => Promise<void>;
  readonly onProblem?: ((error: Error) => void) | undefined;
}

/** After a failure the next attempt comes sooner: a lease then survives most of it spent without contact. */
const MAX_RETRY_MS = 30_000;

/** Renews now, then every third of the lease; after a failure after a thirtieth of it, at most 30 seconds. */
export function holdLease({ leaseMs, clock, renew, onProblem }: HoldLeaseOptions): Disposable {
  const controller = new AbortController();
  let cancelTimer: Cancellation | undefined;
  const attempt = (): void => {
    renew(controller.signal).then(
      () => {
        plan(leaseMs / 3);
      },
      (error: unknown) => {
        if (!controller.signal.aborted) onProblem?.(error instanceof Error ? error : new Error(String(error)));
        plan(Math.min(MAX_RETRY_MS, leaseMs / 30));
      },
    );
  };
  const plan = (delayMs: number): void => {
    if (!controller.signal.aborted) cancelTimer = clock.schedule(delayMs, attempt, { background: true });
  };
  if (leaseMs > 0) attempt();
  return {
    [Symbol.dispose]() {
      controller.abort();
      cancelTimer?.();
    },
  };
}
