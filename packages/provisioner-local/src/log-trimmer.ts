import { open } from 'node:fs/promises';
import { errorMessage, readLogTail, systemErrorCode } from '@gateway-provisioners/core';
import type { Cancellation, Clock, Logger } from '@gateway-provisioners/core';

export interface LogTrimmerOptions {
  /** 0: nothing is ever trimmed. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often is looked, in milliseconds. Default 30,000. */
  readonly intervalMs?: number;
}

const KEPT_BYTES = 64 * 1024;

/**
 * Keeps logs of kernels from filling the disk: one that has grown beyond its bound is cut to its tail, and says so.
 * One look serves all logs. What a kernel writes in the very moment of the cut may be lost.
 */
export class LogTrimmer implements Disposable {
  readonly #options: LogTrimmerOptions;
  readonly #paths = new Map<object, string>();
  #cancelTimer: Cancellation | undefined;

  constructor(options: LogTrimmerOptions) {
    this.#options = options;
  }

  watch(path: string): Cancellation {
    const key = {};
    this.#paths.set(key, path);
    this.#schedule();
    return () => {
      this.#paths.delete(key);
      if (this.#paths.size === 0) this[Symbol.dispose]();
    };
  }

  /** Looks at all logs now. */
  async trim(): Promise<void> {
    for (const path of new Set(this.#paths.values())) {
      try {
        await trimLog(path, this.#options.maxBytes);
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') continue;
        this.#options.logger.warn('the log of a kernel could not be trimmed', { path, error: errorMessage(error) });
      }
    }
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #schedule(): void {
    const { maxBytes, clock, intervalMs = 30_000 } = this.#options;
    if (maxBytes === 0 || this.#cancelTimer !== undefined || this.#paths.size === 0) return;
    const look = (): void => {
      this.#cancelTimer = undefined;
      void this.trim().then(() => {
        this.#schedule();
      });
    };
    this.#cancelTimer = clock.schedule(intervalMs, look, { background: true });
  }
}

async function trimLog(path: string, maxBytes: number): Promise<void> {
  await using log = await open(path, 'r+');
  const { size } = await log.stat();
  if (size <= maxBytes) return;
  const tail = await readLogTail(path, { maxBytes: Math.min(KEPT_BYTES, maxBytes) });
  // The kernel appends, so that its next write comes after what is put here, wherever it was before.
  await log.truncate(0);
  await log.write(`[log cut: it had reached ${String(size)} bytes, of which the last follow]\n${tail}`, 0, 'utf8');
}
