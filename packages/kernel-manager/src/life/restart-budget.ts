import type { Clock } from '@gateway-provisioners/core';

export interface RestartBudgetOptions {
  readonly limit: number;
  readonly stableAfterMs: number;
  readonly clock: Clock;
}

/** How often in a row a kernel that keeps dying is started again. */
export class RestartBudget {
  readonly #options: RestartBudgetOptions;
  #used = 0;
  #readySince: number | undefined;

  constructor(options: RestartBudgetOptions) {
    this.#options = options;
  }

  get used(): number {
    return this.#used;
  }

  onReady(): void {
    this.#readySince = this.#options.clock.now();
  }

  /** A person asked for the restart: what was before does not count. */
  reset(): void {
    this.#used = 0;
    this.#readySince = undefined;
  }

  /** Takes one restart after a death; false when none is left. */
  take(): boolean {
    const { clock, limit, stableAfterMs } = this.#options;
    if (this.#readySince !== undefined && clock.now() - this.#readySince >= stableAfterMs) this.#used = 0;
    this.#readySince = undefined;
    if (this.#used >= limit) return false;
    this.#used += 1;
    return true;
  }
}
