import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface OomWatchOptions {
  /** Default `/proc/self/cgroup`. */
  readonly membershipFile?: string;
  /** Default `/sys/fs/cgroup`. */
  readonly cgroupRoot?: string;
}

/**
 * Tells whether the kernel of the operating system ended processes of our control group for lack of memory, by the
 * counter of cgroup v2 (`memory.events`). Each such end is claimed once. Elsewhere nothing is ever claimed.
 */
export class OomWatch {
  readonly #options: OomWatchOptions;
  #seen: Promise<number> | undefined;

  constructor(options: OomWatchOptions = {}) {
    this.#options = options;
  }

  /** What was counted before this does not concern us. */
  async start(): Promise<void> {
    this.#seen ??= this.#read();
    await this.#seen;
  }

  /** True when there was one more since the last claim. */
  async claim(): Promise<boolean> {
    if (this.#seen === undefined) return false;
    const seen = await this.#seen;
    if ((await this.#read()) <= seen) return false;
    this.#seen = Promise.resolve(seen + 1);
    return true;
  }

  async #read(): Promise<number> {
    try {
      const membership = await readFile(this.#options.membershipFile ?? '/proc/self/cgroup', 'utf8');
      const [, group] = /^0::(.*)$/m.exec(membership) ?? [];
      if (group === undefined) return 0;
      const events = await readFile(join(this.#options.cgroupRoot ?? '/sys/fs/cgroup', group, 'memory.events'), 'utf8');
      return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
    } catch {
      return 0;
    }
  }
}
