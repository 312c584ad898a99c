import { write } from 'node:fs';

// A reader that stops reading (a container's log driver, a hung SSH session) must neither stop the kernel nor fill memory.
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
const RETRY_MS = 20;

/**
 * Passes a kernel's output on to a file descriptor of ours. Not through `process.stdout`, which blocks the whole program
 * when it is a pipe that nobody reads.
 */
export class OutputRelay {
  readonly #fd: number;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #dropped = 0;
  #busy = false;
  #broken = false;
  #idle: (() => void)[] = [];

  constructor(fd: number) {
    this.#fd = fd;
  }

  push(chunk: Uint8Array): void {
    if (this.#broken) return;
    if (this.#queuedBytes + chunk.length > MAX_QUEUED_BYTES) {
      this.#dropped += chunk.length;
      return;
    }
    if (this.#dropped > 0)
      this.#enqueue(Buffer.from(`\n[${String(this.#dropped)} bytes of output were not passed on]\n`));
    this.#dropped = 0;
    this.#enqueue(chunk);
  }

  /** Resolves when all is written, or at the deadline. */
  async flush(timeoutMs: number): Promise<void> {
    if (!this.#busy) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #enqueue(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (!this.#busy) this.#writeNext();
  }

  #writeNext(): void {
    const chunk = this.#queue[0];
    this.#busy = chunk !== undefined;
    if (chunk === undefined) {
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    write(this.#fd, chunk, (error, written) => {
      if (error !== null && error.code === 'EAGAIN') {
        setTimeout(() => {
          this.#writeNext();
        }, RETRY_MS);
        return;
      }
      if (error !== null) {
        // Nobody will ever read it.
        this.#broken = true;
        this.#queue = [];
      } else {
        this.#queuedBytes -= written;
        if (written < chunk.length) this.#queue[0] = chunk.subarray(written);
        else this.#queue.shift();
      }
      this.#writeNext();
    });
  }
}
