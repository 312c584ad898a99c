import { Buffer } from 'node:buffer';

/** Large enough that the C library maps a chunk by itself, and gives it back to the system when it is freed. */
export const CHUNK_BYTES = 256 * 1024;

/**
 * First in, first out, for bytes, in chunks of its own. What leaves it leaves its chunks to what comes next, so that a
 * queue that is full and stays full makes no garbage.
 */
export class ByteQueue {
  #chunks: Buffer[] = [];
  #spare: Buffer[] = [];
  /** Where the first byte is in the first chunk. */
  #head = 0;
  /** Where the next byte goes in the last chunk. */
  #tail = CHUNK_BYTES;

  get length(): number {
    return this.#chunks.length * CHUNK_BYTES - this.#head - (CHUNK_BYTES - this.#tail);
  }

  /** What it holds of memory. */
  get allocatedBytes(): number {
    return (this.#chunks.length + this.#spare.length) * CHUNK_BYTES;
  }

  push(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      if (this.#tail === CHUNK_BYTES) this.#extend();
      const count = Math.min(bytes.length - from, CHUNK_BYTES - this.#tail);
      const part = count === bytes.length ? bytes : bytes.subarray(from, from + count);
      this.#chunks.at(-1)?.set(part, this.#tail);
      this.#tail += count;
      from += count;
    }
  }

  /** Removes the first `into.length` bytes, which must be there, and writes them to `into`. */
  take<T extends Uint8Array>(into: T): T {
    this.#check(into.length);
    let to = 0;
    while (to < into.length) {
      const count = Math.min(into.length - to, CHUNK_BYTES - this.#head);
      const chunk = this.#chunks[0];
      if (chunk !== undefined) into.set(chunk.subarray(this.#head, this.#head + count), to);
      to += count;
      this.#advance(count);
    }
    return into;
  }

  /** Removes the first `count` bytes, which must be there. */
  skip(count: number): void {
    this.#check(count);
    this.#advance(count);
  }

  /** Gives up the chunks that are not in use. */
  trim(): void {
    this.#spare = [];
  }

  clear(): void {
    this.#chunks = [];
    this.#spare = [];
    this.#head = 0;
    this.#tail = CHUNK_BYTES;
  }

  #extend(): void {
    this.#chunks.push(this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES));
    this.#tail = 0;
  }

  #advance(count: number): void {
    this.#head += count;
    for (; this.#head >= CHUNK_BYTES; this.#head -= CHUNK_BYTES) this.#spare.push(...this.#chunks.splice(0, 1));
    if (this.length > 0) return;
    this.#spare.push(...this.#chunks.splice(0));
    this.#head = 0;
    this.#tail = CHUNK_BYTES;
  }

  #check(count: number): void {
    if (count > this.length) throw new RangeError(`${String(count)} bytes of ${String(this.length)}`);
  }
}
