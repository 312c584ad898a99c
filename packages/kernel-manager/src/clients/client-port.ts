import type { KernelMessage } from '@gateway-provisioners/wire';
import type { MessageSink } from '../types.ts';
import type { Outbox } from './outbox.ts';

/** What is handed to a sink at once when it catches up. */
const BATCH_BYTES = 1024 * 1024;
const BATCH_MESSAGES = 512;

export interface ClientPortOptions {
  readonly sink: MessageSink;
  readonly outbox: Outbox;
  /** Bound of what may not be dropped, in bytes; beyond it {@link onOverflow} is called. */
  readonly maxKeptBytes: number;
  readonly onOverflow: () => void;
  /** The sink threw, which it must not. */
  readonly onBroken: (error: unknown) => void;
}

/** Hands messages to one sink at the pace that it sets. */
export class ClientPort {
  readonly outbox: Outbox;
  readonly #options: ClientPortOptions;
  #state: 'open' | 'closed' = 'open';
  #isBlocked = false;
  #isDraining = false;

  constructor(options: ClientPortOptions) {
    this.#options = options;
    this.outbox = options.outbox;
  }

  deliver(batch: readonly KernelMessage[]): void {
    if (this.#state === 'closed' || batch.length === 0) return;
    if (!this.#isBlocked && !this.#isDraining && this.outbox.isEmpty) {
      this.#write(batch);
      return;
    }
    for (const message of batch) this.outbox.push(message);
    if (this.outbox.keptBytes > this.#options.maxKeptBytes) this.#options.onOverflow();
  }

  resume(): void {
    this.#isBlocked = false;
    this.drain();
  }

  drain(): void {
    // A sink may call resume() from within write().
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      while (this.#canWrite() && !this.outbox.isEmpty) {
        const batch = this.outbox.take(BATCH_BYTES, BATCH_MESSAGES);
        if (batch.length > 0) this.#write(batch);
      }
    } finally {
      this.#isDraining = false;
    }
  }

  /** Takes nothing from now on. */
  close(): void {
    this.#state = 'closed';
  }

  #canWrite(): boolean {
    return this.#state === 'open' && !this.#isBlocked;
  }

  #write(batch: readonly KernelMessage[]): void {
    try {
      if (!this.#options.sink.write(batch)) this.#isBlocked = true;
    } catch (error) {
      this.#options.onBroken(error);
    }
  }
}
