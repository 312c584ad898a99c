import { errorMessage } from '@gateway-provisioners/core';

const MAX_REMEMBERED = 64;

/**
 * Tells errors on, each once: a socket that tries again and again meets the same ones every time. After the socket was
 * open they are news again.
 */
export class ErrorReporter {
  readonly #onError: ((error: Error) => void) | undefined;
  readonly #told = new Set<string>();

  constructor(onError: ((error: Error) => void) | undefined) {
    this.#onError = onError;
  }

  report(error: Error): void {
    const message = errorMessage(error);
    if (this.#told.has(message)) return;
    if (this.#told.size >= MAX_REMEMBERED) this.#told.clear();
    this.#told.add(message);
    this.#onError?.(error);
  }

  /** What follows is new. */
  reset(): void {
    this.#told.clear();
  }
}
