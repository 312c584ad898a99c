import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Runs jobs one after another, taking turns between their sources and letting the event loop run in between: a job costs
 * up to a millisecond of crypto, and a source that sends thousands delays another source's by one of them.
 */
export class FairQueue {
  readonly #jobs = new Map<string, (() => void)[]>();
  #isRunning = false;

  add(source: string, job: () => void): void {
    const jobs = this.#jobs.get(source);
    if (jobs === undefined) this.#jobs.set(source, [job]);
    else jobs.push(job);
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#jobs.entries().next(); next.done !== true; next = this.#jobs.entries().next()) {
      const [source, jobs] = next.value;
      this.#jobs.delete(source);
      const job = jobs.shift();
      // Back to the end of the line with what is left.
      if (jobs.length > 0) this.#jobs.set(source, jobs);
      job?.();
      await nextTurn();
    }
    this.#isRunning = false;
  }
}
