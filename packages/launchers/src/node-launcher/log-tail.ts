import { Buffer } from 'node:buffer';

/** The longest tail that fits a line of the protocol. */
export const MAX_LOG_BYTES = 8000;

/** Keeps the last bytes of what a kernel wrote. */
export class LogTail {
  #kept: Buffer = Buffer.alloc(0);

  add(chunk: Uint8Array): void {
    const all = Buffer.concat([this.#kept, chunk]);
    this.#kept = all.length > MAX_LOG_BYTES ? Buffer.from(all.subarray(all.length - MAX_LOG_BYTES)) : all;
  }

  /** At most so many bytes of UTF-8, beginning with a whole character. */
  read(maxBytes: number): string {
    let start = Math.max(0, this.#kept.length - Math.min(maxBytes, MAX_LOG_BYTES));
    while (start < this.#kept.length && ((this.#kept[start] ?? 0) & 0xc0) === 0x80) start += 1;
    const text = this.#kept.toString('utf8', start);
    // Bytes that are no UTF-8 grow when they are replaced.
    return Buffer.byteLength(text) <= maxBytes ? text : text.slice(-Math.floor(maxBytes / 3) || text.length);
  }
}
