import { randomBytes } from 'node:crypto';
import { delay, errorMessage, isProvisionerError } from '@gateway-provisioners/core';
import type { Clock, Logger } from '@gateway-provisioners/core';
import { watchProgram } from '../shell/kernel-programs.ts';
import type { KernelHost } from './kernel-host.ts';

export interface KernelWatchOptions {
  readonly host: KernelHost;
  readonly remoteDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** Hears of the end of kernels on one host through one program there, as long as anybody listens. */
export class KernelWatch {
  readonly #options: KernelWatchOptions;
  readonly #listeners = new Map<string, Set<() => void>>();
  /** Folders that were told of and that nobody listened for yet. */
  readonly #ended = new Set<string>();
  #stop: AbortController | undefined;
  #hold: Disposable | undefined;
  #running: Promise<void> = Promise.resolve();
  #heardAt = 0;

  constructor(options: KernelWatchOptions) {
    this.#options = options;
  }

  /** When its program last wrote something, or the watch began: milliseconds since the epoch. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Calls back when the kernel of that folder seems to have ended, and each time that the watch begins anew. */
  listen(name: string, listener: () => void): Disposable {
    const set = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, set.add(listener));
    if (this.#stop === undefined) this.#start();
    else if (this.#ended.has(name)) queueMicrotask(listener);
    return {
      [Symbol.dispose]: () => {
        set.delete(listener);
        if (set.size > 0 || this.#listeners.get(name) !== set) return;
        this.#listeners.delete(name);
        this.#ended.delete(name);
        if (this.#listeners.size === 0) this.#end();
      },
    };
  }

  /** Resolves when the program on the host is not waited for any more. */
  async dispose(): Promise<void> {
    this.#listeners.clear();
    this.#end();
    await this.#running;
  }

  #start(): void {
    const stop = new AbortController();
    this.#stop = stop;
    this.#heardAt = this.#options.clock.now();
    this.#hold = this.#options.host.hold();
    this.#running = this.#run(stop.signal);
  }

  #end(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#hold?.[Symbol.dispose]();
    this.#hold = undefined;
    this.#ended.clear();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { host, clock, logger, remoteDir } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      const startedAt = clock.now();
      const mark = `gp-${randomBytes(8).toString('hex')}`;
      try {
        const onStdout = lineReader((line) => {
          this.#heardAt = clock.now();
          const [word, name] = line.split(' ');
          if (word === mark && name !== undefined) this.#tell(name);
        });
        const stdin = Buffer.from(watchProgram(remoteDir, mark));
        const watching = host.execAside({ stdin, signal, onStdout });
        // What ended while nobody watched is asked for.
        if (failures > 0) for (const name of [...this.#listeners.keys()]) this.#tell(name);
        await watching;
      } catch (error) {
        const isExpected = isProvisionerError(error, 'CONNECTION_LOST') || isProvisionerError(error, 'CANCELLED');
        if (!isExpected) {
          logger.warn('kernels of a host cannot be watched now', { host: host.name, error: errorMessage(error) });
        }
      }
      failures = clock.now() - startedAt > LAST_RETRY_MS ? 1 : failures + 1;
      const pauseMs = Math.min(LAST_RETRY_MS, RETRY_MS * 2 ** Math.min(10, failures - 1));
      await delay(pauseMs, { signal, clock }).catch(() => undefined);
    }
  }

  #tell(name: string): void {
    this.#ended.add(name);
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener();
  }
}

function lineReader(onLine: (line: string) => void): (chunk: Buffer) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = (lines.pop() ?? '').slice(-1000);
    for (const line of lines) onLine(line);
  };
}
