import { ProvisionerError, errorMessage, isProvisionerError } from '@gateway-provisioners/core';
import type {
  CallOptions,
  Cancellation,
  Clock,
  JsonObject,
  KernelEndpoint,
  KernelExit,
  KernelStats,
  Liveness,
  Logger,
} from '@gateway-provisioners/core';
import type { RemoteResource } from '@gateway-provisioners/core/remote';
import type { ContainerDetails, DockerEngine } from '@gateway-provisioners/docker-engine';
import { exitOf, isRunning, kernelStats } from '@gateway-provisioners/docker-engine/kernels';
import type { ContainerWatch } from '../engine/container-watch.ts';
import type { ContainerPlace } from './way-to-container.ts';

const LOG_TAIL_BYTES = 4096;
const LOG_BYTES = 16_384;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

export interface DockerContainerOptions {
  readonly engine: DockerEngine;
  readonly watch: ContainerWatch;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly details: ContainerDetails;
  /** Where it is reached from here. */
  readonly address: string;
  /** Its ports are reached at those of `details` only. Default: each of them is reached. */
  readonly isPublished?: boolean;
  /** Removes what belongs to it besides the container. */
  readonly forget: () => Promise<void>;
}

/** The container of one kernel. Made when it has been started. */
export class DockerContainer implements RemoteResource, ContainerPlace {
  readonly ended: Promise<KernelExit>;
  readonly address: string;
  readonly #options: DockerContainerOptions;
  readonly #id: string;
  #settle: (exit: KernelExit) => void = () => undefined;
  readonly #stopWatching: Cancellation;
  #stopRetrying: Cancellation = () => undefined;
  #retryMs = FIRST_RETRY_MS;
  #isLetGo = false;
  #checking = false;
  #checkAgain = false;
  #hasEnded = false;

  constructor(options: DockerContainerOptions) {
    this.#options = options;
    this.#id = options.details.id;
    this.address = options.address;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#stopWatching = options.watch.watch(this.#id, () => {
      void this.#check();
    });
    // It may have ended since it was looked at, and the watch have told of it when nobody here listened yet.
    void this.#check();
  }

  get state(): JsonObject {
    return { container: this.#id, name: this.#options.details.name };
  }

  async liveness({ signal }: CallOptions): Promise<Liveness> {
    if (this.#hasEnded) return 'dead';
    try {
      const details = await this.#options.engine.containers.inspect(this.#id, { signal });
      return details !== undefined && isRunning(details) ? 'alive' : 'dead';
    } catch (error) {
      if (isProvisionerError(error, 'CANCELLED')) throw error;
      return 'unreachable';
    }
  }

  async signal(signum: number, { signal }: CallOptions): Promise<void> {
    await this.#options.engine.containers.kill(this.#id, signum, { signal });
  }

  async remove({ signal }: CallOptions): Promise<void> {
    await this.#options.engine.containers.remove(this.#id, { signal });
    await this.#options.forget();
    this.#end({ reason: 'gone', logTail: '' });
  }

  async logs({ signal, maxBytes = LOG_BYTES }: CallOptions & { readonly maxBytes?: number }): Promise<string> {
    return await this.#options.engine.containers.logs(this.#id, { maxBytes }, { signal });
  }

  portOf(containerPort: number): number {
    const port = this.#reached(containerPort);
    if (port !== undefined) return port;
    const { name } = this.#options.details;
    const message = `port ${String(containerPort)} of the container is not published: its launcher does not obey PORT_RANGE`;
    throw new ProvisionerError('LAUNCH_FAILED', message, { coordinates: { container: name } });
  }

  /** Every port, unless only some are published. */
  endpoint(containerPort: number): Promise<KernelEndpoint | undefined> {
    const port = this.#hasEnded ? undefined : this.#reached(containerPort);
    return Promise.resolve(port === undefined ? undefined : { host: this.address, port });
  }

  async stats(options: CallOptions): Promise<KernelStats | undefined> {
    return await kernelStats(this.#options.engine, this.#id, options);
  }

  #reached(containerPort: number): number | undefined {
    const { isPublished = false, details } = this.#options;
    return isPublished ? details.publishedPorts.get(containerPort) : containerPort;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#letGo();
    return Promise.resolve();
  }

  #letGo(): void {
    this.#isLetGo = true;
    this.#stopWatching();
    this.#stopRetrying();
  }

  /** Asks the engine how it is; only an answer ends it, loss of contact does not. */
  async #check(): Promise<void> {
    if (this.#hasEnded) return;
    if (this.#checking) {
      this.#checkAgain = true;
      return;
    }
    this.#checking = true;
    do {
      this.#checkAgain = false;
      try {
        const exit = await this.#exit();
        this.#retryMs = FIRST_RETRY_MS;
        if (exit !== undefined) this.#end(exit);
      } catch (error) {
        this.#checkLater();
        this.#options.logger.debug('a container cannot be inspected now', {
          container: this.#id,
          error: errorMessage(error),
        });
      }
    } while (this.#mustCheckAgain());
    this.#checking = false;
  }

  /** The watch calls again when it has lost contact itself, which need not be so. */
  #checkLater(): void {
    this.#stopRetrying();
    if (this.#isLetGo) return;
    this.#stopRetrying = this.#options.clock.schedule(
      this.#retryMs,
      () => {
        void this.#check();
      },
      { background: true },
    );
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
  }

  #mustCheckAgain(): boolean {
    return this.#checkAgain && !this.#hasEnded;
  }

  async #exit(): Promise<KernelExit | undefined> {
    const { containers } = this.#options.engine;
    const details = await containers.inspect(this.#id);
    if (details === undefined) return { reason: 'gone', logTail: '', detail: 'its container was removed' };
    if (isRunning(details)) return undefined;
    let logTail = '';
    try {
      logTail = await containers.logs(this.#id, { maxBytes: LOG_TAIL_BYTES });
    } catch {
      // Its log driver may not be one that can be read from; how it ended is known all the same.
    }
    return exitOf(details.state, logTail);
  }

  #end(exit: KernelExit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#letGo();
    this.#settle(exit);
  }
}
