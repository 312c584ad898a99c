import { delay, withDeadline } from '../deadline.ts';

export interface UntilOptions {
  /** Milliseconds; default 60 s. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds between looks; default 50. */
  readonly everyMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at `probe` until it gives something else than `undefined` or false, and returns that. For what cannot be
 * subscribed to, such as the state of a real engine. Errors: `DEADLINE_EXCEEDED`; what `probe` throws.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 60_000, everyMs = 50, signal }: UntilOptions = {},
): Promise<T> {
  return await withDeadline({ what, timeoutMs, signal }, async (scope) => {
    for (;;) {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      await delay(everyMs, { signal: scope.signal });
    }
  });
}
