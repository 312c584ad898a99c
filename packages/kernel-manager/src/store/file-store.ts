import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import { syncFolder, writeAtomically } from './atomic-file.ts';
import { lockFolder } from './folder-lock.ts';
import type { KernelStore, StoredRecord } from './kernel-store.ts';
import { formatRecord, parseRecord } from './record-codec.ts';
import { recordConflict } from './record-conflict.ts';

export interface FileStoreOptions {
  /** One JSON file per kernel is kept here, mode 0600 (they hold keys). Made with mode 0700 when missing. */
  readonly dir: string;
}

const RECORD = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/;
const INSTANCE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/**
 * Records as files `<kernel id>.json` in Enterprise Gateway's layout. Writes are atomic and on disk when they resolve.
 * A file that cannot be read is renamed to `<kernel id>.json.corrupt-<n>` and reported; the others load.
 */
export function fileStore(options: FileStoreOptions): KernelStore {
  return new FileStore(options.dir);
}

class FileStore implements KernelStore {
  readonly #dir: string;
  readonly #known = new Map<string, StoredRecord>();
  readonly #problems: Error[] = [];
  /** One write at a time per record, in order of the calls. */
  readonly #writes = new Map<string, Promise<unknown>>();
  #opening: Promise<string> | undefined;
  #lock: AsyncDisposable | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  open(options: { readonly instanceId?: string | undefined }): Promise<string> {
    this.#opening ??= this.#open(options.instanceId).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async get(kernelId: string): Promise<StoredRecord | undefined> {
    await this.#writes.get(kernelId);
    return this.#known.get(kernelId);
  }

  list(): Promise<{ records: readonly StoredRecord[]; problems: readonly Error[] }> {
    return Promise.resolve({ records: [...this.#known.values()], problems: [...this.#problems] });
  }

  async put(record: StoredRecord['record'], { version }: { readonly version: number }): Promise<number> {
    return await this.#inOrder(record.kernelId, async () => {
      const stored = this.#known.get(record.kernelId)?.version ?? 0;
      if (stored !== version) throw recordConflict(record.kernelId, version, stored);
      const next: StoredRecord = { record, version: version + 1 };
      await writeAtomically(this.#pathOf(record.kernelId), formatRecord(next));
      this.#known.set(record.kernelId, next);
      return next.version;
    });
  }

  async delete(kernelId: string, options: { readonly version?: number | undefined } = {}): Promise<void> {
    await this.#inOrder(kernelId, async () => {
      const stored = this.#known.get(kernelId)?.version;
      if (stored !== undefined && options.version !== undefined && stored !== options.version) {
        throw recordConflict(kernelId, options.version, stored);
      }
      await rm(this.#pathOf(kernelId), { force: true });
      await syncFolder(this.#dir);
      this.#known.delete(kernelId);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#writes.values(), this.#opening]);
    this.#opening = undefined;
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.[Symbol.asyncDispose]();
  }

  async #open(proposed: string | undefined): Promise<string> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    // It may have been made by somebody with a wider mask; what is in it are secrets.
    await chmod(this.#dir, 0o700);
    const lock = await lockFolder(this.#dir);
    try {
      await this.#load();
      const instanceId = await this.#instanceId(proposed);
      this.#lock = lock;
      return instanceId;
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #instanceId(proposed: string | undefined): Promise<string> {
    const path = join(this.#dir, 'instance-id');
    const stored = await readFile(path, 'utf8').then(
      (text) => text.trim(),
      () => '',
    );
    const chosen = proposed ?? (INSTANCE_ID.test(stored) ? stored : randomUUID());
    if (chosen !== stored) await writeAtomically(path, `${chosen}\n`);
    return chosen;
  }

  async #load(): Promise<void> {
    this.#known.clear();
    this.#problems.length = 0;
    const names = await readdir(this.#dir);
    for (const name of names) {
      // What a crash left of a write that was never finished.
      if (/\.json\.[0-9a-f]{12}\.tmp$/.test(name)) await rm(join(this.#dir, name), { force: true });
      const kernelId = RECORD.exec(name)?.[1];
      if (kernelId !== undefined) await this.#loadOne(kernelId, names);
    }
  }

  async #loadOne(kernelId: string, names: readonly string[]): Promise<void> {
    const path = this.#pathOf(kernelId);
    try {
      this.#known.set(kernelId, parseRecord(await readFile(path, 'utf8'), kernelId));
      await chmod(path, 0o600);
    } catch (error) {
      const aside = freeName(`${kernelId}.json.corrupt-`, names);
      await rename(path, join(this.#dir, aside));
      this.#problems.push(
        new ProvisionerError('STORE_CORRUPT', `a record could not be read: ${errorMessage(error)}`, {
          cause: error,
          coordinates: { folder: this.#dir, setAsideAs: aside },
        }),
      );
    }
  }

  async #inOrder<T>(kernelId: string, work: () => Promise<T>): Promise<T> {
    if (this.#lock === undefined) {
      throw new ProvisionerError('INVALID_STATE', 'the store of kernel records is not open', {
        coordinates: { folder: this.#dir },
      });
    }
    const before = this.#writes.get(kernelId);
    const mine = (before ?? Promise.resolve()).then(work, work);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#writes.set(kernelId, settled);
    try {
      return await mine;
    } finally {
      if (this.#writes.get(kernelId) === settled) this.#writes.delete(kernelId);
    }
  }

  #pathOf(kernelId: string): string {
    return join(this.#dir, `${kernelId}.json`);
  }
}

function freeName(prefix: string, names: readonly string[]): string {
  for (let n = 1; ; n += 1) if (!names.includes(prefix + String(n))) return prefix + String(n);
}
