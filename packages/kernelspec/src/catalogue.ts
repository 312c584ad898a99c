import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cancellation, Clock, Logger } from '@gateway-provisioners/core';
import { errorMessage } from '@gateway-provisioners/core';
import type { Scan } from './scan.ts';
import { FolderWatcher } from './watcher.ts';

export interface CatalogueOptions {
  readonly searchPath: readonly string[];
  readonly scan: () => Promise<Scan>;
  readonly rescanMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

// Writers touch several files in a row: one scan shall serve them all.
const SETTLE_MS = 50;
const MAX_REARMS = 5;

/**
 * Holds the latest scan. Without watchers every question scans; while somebody watches, a scan is kept until an event
 * says that it is out of date. Concurrent questions share one scan.
 */
export class Catalogue implements Disposable {
  readonly #options: CatalogueOptions;
  readonly #listeners = new Set<{ readonly onChange: () => void }>();
  #watcher: FolderWatcher | undefined;
  #kept: { readonly scan: Scan; readonly stamps: ReadonlyMap<string, string> } | undefined;
  #running: Promise<Scan> | undefined;
  #queued: Promise<Scan> | undefined;
  #outdated = true;
  #timer: { readonly due: number; readonly cancel: Cancellation } | undefined;
  #warned = false;

  constructor(options: CatalogueOptions) {
    this.#options = options;
  }

  /** The present state of the search path. */
  async current(): Promise<Scan> {
    if (this.#kept !== undefined && !this.#outdated) return this.#kept.scan;
    return await this.#rescan();
  }

  /** Like {@link Catalogue.current}, for a decision about one kernelspec: makes sure that its file is as it was read. */
  async currentFor(name: string): Promise<Scan> {
    const kept = this.#outdated ? undefined : this.#kept;
    const folder = kept?.scan.folders.get(name);
    // An event may still be on its way for what was installed a moment ago: a miss asks the disk.
    if (kept === undefined || folder === undefined) return await this.#rescan();
    return (await stampOf(folder)) === kept.stamps.get(folder) ? kept.scan : await this.#rescan();
  }

  watch(onChange: () => void): Cancellation {
    const entry = { onChange };
    this.#listeners.add(entry);
    if (this.#watcher === undefined) {
      this.#watcher = new FolderWatcher({
        onEvent: () => {
          this.invalidate();
        },
      });
      this.#watcher.replace(this.#options.searchPath);
      this.#outdated = true;
      this.#scheduleScan(0);
    }
    return () => {
      this.#listeners.delete(entry);
      if (this.#listeners.size === 0) this[Symbol.dispose]();
    };
  }

  /** What is kept may be wrong: something was written. */
  invalidate(): void {
    this.#outdated = true;
    if (this.#watcher !== undefined) this.#scheduleScan(SETTLE_MS);
  }

  [Symbol.dispose](): void {
    this.#watcher?.[Symbol.dispose]();
    this.#watcher = undefined;
    this.#listeners.clear();
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#kept = undefined;
    this.#outdated = true;
  }

  #scheduleScan(delayMs: number): void {
    const due = this.#options.clock.now() + delayMs;
    if (this.#timer !== undefined && this.#timer.due <= due) return;
    this.#timer?.cancel();
    const cancel = this.#options.clock.schedule(
      delayMs,
      () => {
        this.#timer = undefined;
        // Somebody has asked since, and so has made the scan.
        if (!this.#outdated) return;
        this.#rescan().catch((error: unknown) => {
          this.#options.logger.warn('kernelspecs could not be scanned', { error: errorMessage(error) });
        });
      },
      { background: true },
    );
    this.#timer = { due, cancel };
  }

  /** A scan that begins now or later, never one that is under way: what the caller has just written must be in it. */
  #rescan(): Promise<Scan> {
    this.#queued ??= (async () => {
      await this.#running?.catch(() => undefined);
      this.#running = this.#queued;
      this.#queued = undefined;
      try {
        return await this.#scanOnce();
      } catch (error) {
        this.#outdated = true;
        throw error;
      }
    })();
    return this.#queued;
  }

  async #scanOnce(): Promise<Scan> {
    this.#outdated = false;
    let scan = await this.#options.scan();
    const watcher = this.#watcher;
    if (watcher === undefined) return scan;
    // Watch the folders that the scan has found, then look again: they may have changed in between.
    let stamps = await stampsOf(scan);
    for (let round = 0; round < MAX_REARMS && this.#watcher === watcher; round += 1) {
      watcher.replace([...this.#options.searchPath, ...scan.folders.values()]);
      const again = await this.#options.scan();
      const newStamps = await stampsOf(again);
      const same = sameStamps(stamps, newStamps);
      scan = again;
      stamps = newStamps;
      if (same) break;
    }
    if (this.#watcher !== watcher) return scan;
    const before = this.#kept;
    this.#kept = { scan, stamps };
    if (watcher.failure !== undefined) this.#scanFromTimeToTime(watcher.failure);
    if (before !== undefined && !sameStamps(before.stamps, stamps)) this.#announce();
    return scan;
  }

  #announce(): void {
    for (const { onChange } of [...this.#listeners]) {
      try {
        onChange();
      } catch (error) {
        this.#options.logger.error('a listener for kernelspecs threw', { error: errorMessage(error) });
      }
    }
  }

  #scanFromTimeToTime(failure: string): void {
    const { logger, rescanMs } = this.#options;
    this.#outdated = true;
    if (!this.#warned) {
      const fields = { error: failure, everyMs: rescanMs };
      logger.warn('some kernelspec folders cannot be watched: they are scanned from time to time', fields);
    }
    this.#warned = true;
    this.#scheduleScan(rescanMs);
  }
}

/** Identifies a version of a kernelspec: its folder and file, size and times. */
async function stampOf(folder: string): Promise<string> {
  const parts = await Promise.all(
    [folder, join(folder, 'kernel.json')].map(async (path) => {
      try {
        const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
        return [dev, ino, size, mtimeMs, ctimeMs].join(':');
      } catch {
        return 'absent';
      }
    }),
  );
  return parts.join('/');
}

async function stampsOf(scan: Scan): Promise<ReadonlyMap<string, string>> {
  const folders = [...scan.folders.values()];
  const stamps = await Promise.all(folders.map(stampOf));
  return new Map(folders.map((folder, index) => [folder, stamps[index] ?? '']));
}

function sameStamps(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([folder, stamp]) => b.get(folder) === stamp);
}
