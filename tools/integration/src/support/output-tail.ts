import type { Readable } from 'node:stream';

/** Collects the text of streams, the last `maxChars` of it. */
export class OutputTail {
  readonly #maxChars: number;
  #text = '';

  constructor(options: { readonly maxChars?: number } = {}) {
    this.#maxChars = options.maxChars ?? 8 * 1024 * 1024;
  }

  follow(stream: Readable | null): void {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text += chunk;
      if (this.#text.length > 2 * this.#maxChars) this.#text = this.#text.slice(-this.#maxChars);
    });
  }

  get text(): string {
    return this.#text;
  }

  /** The last lines, for the text of an error. */
  lastLines(count = 40): string {
    return this.#text.trimEnd().split('\n').slice(-count).join('\n');
  }
}
