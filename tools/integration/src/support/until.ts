import { delay, withDeadline } from '@gateway-provisioners/core';

export interface UntilOptions {
  /** What is awaited, for the error's text. */
  readonly what: string;
  /** Milliseconds; default 60 s. */
  readonly timeoutMs?: number;
  /** Milliseconds between looks; default 25. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at `probe` until it gives something else than `undefined` or false, and returns that.
 * For what cannot be subscribed to: another process, a file, a page. Errors: `DEADLINE_EXCEEDED`; what `probe` throws.
 */
export async function until<T>(
  options: UntilOptions,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  return await withDeadline(
    { what: options.what, timeoutMs: options.timeoutMs ?? 60_000, signal: options.signal },
    async (scope) => {
      for (;;) {
        const found = await probe();
        if (found !== undefined && found !== false) return found;
        await delay(options.everyMs ?? 25, { signal: scope.signal });
      }
    },
  );
}
