import type { KernelRecord } from './kernel-record.ts';
import type { KernelStore } from './kernel-store.ts';

/** The stored record of one kernel: changes are written one after another, each on top of the one before. */
export class RecordKeeper {
  readonly #store: KernelStore;
  #record: KernelRecord;
  #version: number;
  #last: Promise<unknown> = Promise.resolve();

  /** `version` is 0 for a record that is not stored yet. */
  constructor(store: KernelStore, record: KernelRecord, version: number) {
    this.#store = store;
    this.#record = record;
    this.#version = version;
  }

  get record(): KernelRecord {
    return this.#record;
  }

  get isStored(): boolean {
    return this.#version > 0;
  }

  /** Errors: `RECORD_CONFLICT` when somebody else changed it. */
  async write(change: Partial<KernelRecord>): Promise<void> {
    await this.#inOrder(async () => {
      const next = { ...this.#record, ...change };
      this.#version = await this.#store.put(next, { version: this.#version });
      this.#record = next;
    });
  }

  /** Call it when the kernel's resources are gone, not earlier. */
  async remove(): Promise<void> {
    await this.#inOrder(async () => {
      if (this.#version === 0) return;
      await this.#store.delete(this.#record.kernelId, { version: this.#version });
      this.#version = 0;
    });
  }

  async #inOrder(work: () => Promise<void>): Promise<void> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    await mine;
  }
}
