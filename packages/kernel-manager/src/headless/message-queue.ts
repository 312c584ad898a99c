import type { KernelMessage } from '@gateway-provisioners/wire';
import { Outbox } from '../clients/outbox.ts';

/**
 * Messages for one reader, as an async iterable. Bounded: a reader that is slower than the kernel finds a marker where
 * output was dropped.
 */
export class MessageQueue implements AsyncIterable<KernelMessage> {
  readonly #outbox: Outbox;
  #ready: KernelMessage[] = [];
  #failure: { readonly error: unknown } | undefined;
  #isFinished = false;
  /** The reader left its loop: what else comes is of no interest. */
  #isAbandoned = false;
  #wake: (() => void) | undefined;

  constructor(maxBytes: number) {
    this.#outbox = new Outbox({ maxBytes, maxMessages: Infinity });
  }

  push(batch: readonly KernelMessage[]): void {
    if (this.#isFinished || this.#isAbandoned) return;
    for (const message of batch) this.#outbox.push(message);
    this.#wake?.();
  }

  finish(): void {
    this.#isFinished = true;
    this.#wake?.();
  }

  /** The reader gets what is there, then the error. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.finish();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KernelMessage, void, undefined> {
    try {
      for (;;) {
        const message = this.#next();
        if (message !== undefined) yield message;
        else if (this.#failure !== undefined) throw this.#failure.error;
        else if (this.#isFinished) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#isAbandoned = true;
      this.#outbox.clear();
      this.#ready = [];
    }
  }

  #next(): KernelMessage | undefined {
    if (this.#ready.length === 0) {
      while (this.#ready.length === 0 && !this.#outbox.isEmpty)
        this.#ready = this.#outbox.take(64 * 1024, 64).reverse();
    }
    return this.#ready.pop();
  }
}
