import { raceSignal } from '@gateway-provisioners/core';
import type { CallOptions } from '@gateway-provisioners/core';

/** A promise that is settled from outside, and whose rejection nobody has to await. */
export class Gate<T> {
  readonly promise: Promise<T>;
  #resolve: (value: T) => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;
  #isSettled = false;

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.promise.catch(() => undefined);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  open(value: T): void {
    this.#isSettled = true;
    this.#resolve(value);
  }

  fail(reason: unknown): void {
    this.#isSettled = true;
    this.#reject(reason);
  }

  async wait(options: CallOptions = {}): Promise<T> {
    return await raceSignal(this.promise, options.signal);
  }
}
