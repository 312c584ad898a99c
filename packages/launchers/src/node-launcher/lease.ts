import { readFileSync } from 'node:fs';

const LONGEST_LOOK_MS = 5000;

/** Calls back when it has not been renewed for its time. */
export class Lease {
  readonly #seconds: number;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #end: number;

  constructor(options: { readonly seconds: number; readonly onLost: () => void; readonly now?: () => number }) {
    this.#seconds = options.seconds;
    this.#now = options.now ?? secondsSinceBoot;
    this.#end = this.#now() + this.#seconds;
    const everyMs = Math.min(LONGEST_LOOK_MS, Math.max(10, (this.#seconds * 1000) / 20));
    this.#timer = setInterval(() => {
      if (this.#now() < this.#end) return;
      this.stop();
      options.onLost();
    }, everyMs);
    this.#timer.unref();
  }

  renew(): void {
    this.#end = this.#now() + this.#seconds;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Never set back, and counts the time that the machine was suspended where the system tells (Linux). */
function secondsSinceBoot(): number {
  try {
    const [uptime] = readFileSync('/proc/uptime', 'utf8').split(' ');
    const seconds = Number(uptime);
    if (seconds > 0) return seconds;
  } catch {
    // No such file: not Linux.
  }
  return performance.now() / 1000;
}
