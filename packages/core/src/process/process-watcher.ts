import { systemClock } from '../clock.ts';
import type { Cancellation, Clock } from '../clock.ts';
import type { ProcessIdentity, ProcessTable } from './process-table.ts';
import { systemProcessTable } from './process-table.ts';

export interface ProcessWatcherOptions {
  readonly table?: ProcessTable | undefined;
  readonly clock?: Clock | undefined;
  /** How often is looked while anything is watched, in milliseconds. Default 500. */
  readonly intervalMs?: number | undefined;
}

/**
 * Notices the end of processes that are not our children. One look at the system serves all that are watched, and
 * waiting for it does not keep the program alive.
 */
export class ProcessWatcher {
  readonly table: ProcessTable;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #watched = new Set<{ readonly identity: ProcessIdentity; readonly onEnd: () => void }>();
  #cancelTimer: Cancellation | undefined;
  #looking = false;

  constructor(options: ProcessWatcherOptions = {}) {
    this.table = options.table ?? systemProcessTable();
    this.#clock = options.clock ?? systemClock;
    this.#intervalMs = options.intervalMs ?? 500;
  }

  /** Calls `onEnd` once when that very process is gone. */
  watch(identity: ProcessIdentity, onEnd: () => void): Cancellation {
    const entry = { identity, onEnd };
    this.#watched.add(entry);
    this.#schedule();
    return () => {
      this.#watched.delete(entry);
      if (this.#watched.size === 0) {
        this.#cancelTimer?.();
        this.#cancelTimer = undefined;
      }
    };
  }

  #schedule(): void {
    if (this.#cancelTimer !== undefined || this.#looking || this.#watched.size === 0) return;
    this.#cancelTimer = this.#clock.schedule(
      this.#intervalMs,
      () => {
        this.#cancelTimer = undefined;
        void this.#look();
      },
      { background: true },
    );
  }

  async #look(): Promise<void> {
    this.#looking = true;
    const watched = [...this.#watched];
    try {
      const live = await this.table.lookup(watched.map(({ identity }) => identity.pid));
      for (const entry of watched) {
        if (live.get(entry.identity.pid)?.startTime === entry.identity.startTime) continue;
        if (this.#watched.delete(entry)) entry.onEnd();
      }
    } catch {
      // A failed look tells nothing about any process: the next one is made anyway.
    } finally {
      this.#looking = false;
      this.#schedule();
    }
  }
}
