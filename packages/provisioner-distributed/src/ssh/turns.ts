import { raceSignal } from '@gateway-provisioners/core';

/** Lets a number of works run at once; the others wait in order. */
export class Turns {
  #limit: number;
  #active = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  async take(options: { readonly signal?: AbortSignal | undefined }): Promise<Disposable> {
    if (this.#active >= this.#limit) {
      let wake: () => void = () => undefined;
      const turn = new Promise<void>((resolve) => {
        wake = resolve;
      });
      this.#waiting.push(wake);
      try {
        await raceSignal(turn, options.signal);
      } catch (error) {
        const at = this.#waiting.indexOf(wake);
        // Whoever was woken in the moment of the abort passes the turn on.
        if (at === -1) this.#release();
        else this.#waiting.splice(at, 1);
        throw error;
      }
    } else {
      this.#active += 1;
    }
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#release();
        isHeld = false;
      },
    };
  }

  /** From now on fewer at once than now, but one. False when it was one already. */
  shrink(): boolean {
    if (this.#limit === 1) return false;
    this.#limit = Math.max(1, Math.min(this.#limit, this.#active) - 1);
    return true;
  }

  #release(): void {
    const next = this.#active > this.#limit ? undefined : this.#waiting.shift();
    if (next === undefined) this.#active -= 1;
    else next();
  }
}
