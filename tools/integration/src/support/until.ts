import { until as untilFound } from '@gateway-provisioners/core/testing';

export interface UntilOptions {
  /** What is awaited, for the error's text. */
  readonly what: string;
  /** Milliseconds; default 60 s. */
  readonly timeoutMs?: number;
  /** Milliseconds between looks; default 25. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** {@link untilFound} with its name among the options; looks every 25 ms. */
export async function until<T>(
  { what, ...options }: UntilOptions,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  return await untilFound(what, probe, { everyMs: 25, ...options });
}
