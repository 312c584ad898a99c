import { existsSync, watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { errorMessage, systemErrorCode } from '@gateway-provisioners/core';
import { isAbsence } from './system-error.ts';

/** Of a folder that comes and goes again and again while it is looked at. */
const MAX_ATTEMPTS = 5;

export interface FolderWatcherOptions {
  /** Something in or near a watched folder changed; called often, may be a false alarm. */
  readonly onEvent: () => void;
}

/**
 * Watches folders, also ones that do not exist yet: for those the nearest folder above is watched for the next part of
 * the path. Does not keep the process alive.
 */
export class FolderWatcher implements Disposable {
  readonly #onEvent: () => void;
  #watchers: FSWatcher[] = [];
  #failure: string | undefined;

  constructor(options: FolderWatcherOptions) {
    this.#onEvent = options.onEvent;
  }

  /** Why some folder could not be watched, such as ENOSPC (too many watches); undefined when all are. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Watches these folders from now on. New watches are in place before old ones end, so that no event is missed. */
  replace(folders: Iterable<string>): void {
    const old = this.#watchers;
    this.#watchers = [];
    this.#failure = undefined;
    for (const folder of new Set(folders)) this.#watchNearest(folder);
    for (const watcher of old) watcher.close();
  }

  [Symbol.dispose](): void {
    this.replace([]);
  }

  #watchNearest(folder: string): void {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const awaited = this.#watchUpwards(folder);
      // It may have come between the look at it and the watch above it.
      if (awaited === undefined || !existsSync(awaited)) return;
    }
    this.#onEvent();
  }

  /** Watches the folder or the nearest above it; returns the path whose coming is waited for then. */
  #watchUpwards(folder: string): string | undefined {
    let current = folder;
    let awaited: string | undefined;
    for (;;) {
      const failure = this.#watchOne(current, awaited);
      if (failure === undefined) return awaited;
      if (!failure.absent) {
        this.#failure ??= failure.message;
        return undefined;
      }
      const parent = dirname(current);
      if (parent === current) return undefined;
      awaited = current;
      current = parent;
    }
  }

  /** `awaited`: only events about this entry of the folder count, and about the folder itself, which bears its own name. */
  #watchOne(folder: string, awaited: string | undefined): WatchFailure | undefined {
    try {
      const counts = awaited === undefined ? undefined : [basename(awaited), basename(folder)];
      const watcher = watch(folder, { persistent: false }, (_event, fileName) => {
        if (counts === undefined || fileName === null || counts.includes(fileName)) this.#onEvent();
      });
      watcher.on('error', (error) => {
        // The folder went away, or the system gave up: the scan that follows arranges new watches.
        if (!isGone(error)) this.#failure ??= error.message;
        this.#onEvent();
      });
      this.#watchers.push(watcher);
      return undefined;
    } catch (error) {
      return { absent: isGone(error), message: errorMessage(error) };
    }
  }
}

interface WatchFailure {
  readonly absent: boolean;
  readonly message: string;
}

// macOS and Windows answer EPERM for a watched folder that is removed.
function isGone(error: unknown): boolean {
  return isAbsence(error) || systemErrorCode(error) === 'EPERM';
}
