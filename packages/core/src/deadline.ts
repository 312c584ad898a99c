import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { ProvisionerError, isProvisionerError } from './errors.ts';

export interface DeadlineOptions {
  /** Aborts earlier than the deadline, with its own reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from now; `Infinity` for none. */
  readonly timeoutMs: number;
  /** What is being waited for, for the error's text: "kernel_info_reply". */
  readonly what: string;
  readonly clock?: Clock | undefined;
}

/** A signal that aborts at a deadline or with its parent. Dispose of it when the work is done. */
export interface DeadlineScope extends Disposable {
  /** Aborts with `DEADLINE_EXCEEDED` at the deadline, or with the reason of the outer signal. */
  readonly signal: AbortSignal;
  remainingMs(): number;
}

/**
 * A deadline joined to an outer signal, built on one timer and one listener.
 * `AbortSignal.any` and `AbortSignal.timeout` are not used because on Node 20 a composed signal can be garbage
 * collected before it fires (nodejs/node issue 57736).
 */
export function openDeadline(options: DeadlineOptions): DeadlineScope {
  const clock = options.clock ?? systemClock;
  const controller = new AbortController();
  const outer = options.signal;
  const endsAt = clock.now() + options.timeoutMs;
  const onOuterAbort = (): void => {
    controller.abort(outer?.reason);
  };
  const cancelTimer = Number.isFinite(options.timeoutMs)
    ? clock.schedule(options.timeoutMs, () => {
        controller.abort(deadlineError(options));
      })
    : undefined;
  if (outer?.aborted === true) onOuterAbort();
  else outer?.addEventListener('abort', onOuterAbort, { once: true });
  return {
    signal: controller.signal,
    remainingMs: () => Math.max(0, endsAt - clock.now()),
    [Symbol.dispose]() {
      cancelTimer?.();
      outer?.removeEventListener('abort', onOuterAbort);
    },
  };
}

/**
 * Runs `work` under a deadline and rejects as soon as the deadline or the outer signal fires, even when `work` ignores
 * its signal. Errors: `DEADLINE_EXCEEDED`; the outer signal's reason as a `CANCELLED` error; whatever `work` throws.
 */
export async function withDeadline<T>(
  options: DeadlineOptions,
  work: (scope: DeadlineScope) => Promise<T> | T,
): Promise<T> {
  using scope = openDeadline(options);
  throwIfAborted(scope.signal);
  return await raceSignal(Promise.resolve(work(scope)), scope.signal);
}

/** Settles like `promise`, or rejects when `signal` aborts first; the listener is removed either way. */
export async function raceSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  // The loser may still reject later; that must not become an unhandled rejection.
  promise.catch(() => undefined);
  throwIfAborted(signal);
  return await new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      reject(abortError(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}

/** Waits; rejects when `signal` aborts. */
export async function delay(
  delayMs: number,
  options: { readonly signal?: AbortSignal | undefined; readonly clock?: Clock | undefined } = {},
): Promise<void> {
  let cancel: (() => void) | undefined;
  try {
    await raceSignal(
      new Promise<void>((resolve) => {
        cancel = (options.clock ?? systemClock).schedule(delayMs, resolve);
      }),
      options.signal,
    );
  } finally {
    cancel?.();
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}

/** The reason of an aborted signal as an `Error`: ours as it is, anything else as `CANCELLED` with its cause. */
export function abortError(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  if (isProvisionerError(reason)) return reason;
  return new ProvisionerError('CANCELLED', 'the operation was aborted', { cause: reason });
}

function deadlineError(options: DeadlineOptions): ProvisionerError {
  return new ProvisionerError('DEADLINE_EXCEEDED', `${options.what}: nothing within ${String(options.timeoutMs)} ms`);
}
