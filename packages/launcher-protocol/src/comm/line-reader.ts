import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import { ProvisionerError, raceSignal } from '@gateway-provisioners/core';

const LINE_END = 0x0a;

/** Reads lines of UTF-8 from a stream, none longer than a maximum. It owns the stream's reading side. */
export class LineReader {
  readonly #chunks: AsyncIterator<unknown>;
  readonly #maxBytes: number;
  #rest = Buffer.alloc(0);

  constructor(stream: Readable, options: { readonly maxBytes: number }) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#maxBytes = options.maxBytes;
  }

  /**
   * The next line without its end; undefined when the stream ended instead. Errors: `PROTOCOL_ERROR` when the line is
   * too long; the stream's own errors; the reason of the signal.
   */
  async next(signal?: AbortSignal): Promise<string | undefined> {
    for (;;) {
      const end = this.#rest.indexOf(LINE_END);
      if (end > this.#maxBytes || (end < 0 && this.#rest.length > this.#maxBytes)) {
        throw new ProvisionerError('PROTOCOL_ERROR', `a line is longer than ${this.#maxBytes} bytes`);
      }
      if (end >= 0) {
        const line = this.#rest.subarray(0, end).toString();
        this.#rest = this.#rest.subarray(end + 1);
        return line;
      }
      const chunk: IteratorResult<unknown, unknown> = await raceSignal(this.#chunks.next(), signal);
      if (chunk.done === true) return undefined;
      const { value } = chunk;
      if (!(value instanceof Uint8Array))
        throw new ProvisionerError('INTERNAL', 'a stream of bytes gave something else');
      this.#rest = Buffer.concat([this.#rest, value]);
    }
  }
}
