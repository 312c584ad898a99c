import { errorMessage } from '@gateway-provisioners/core';
import type { Cancellation, Logger } from '@gateway-provisioners/core';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { INSTANCE_LABEL } from '@gateway-provisioners/docker-engine/kernels';

/**
 * One stream of events for all containers of this gateway, open while any of them is watched. Whoever watches is called
 * when the container may have ended, and again after each loss of contact; what is so, the engine must be asked.
 */
export class ContainerWatch implements Disposable {
  readonly #engine: DockerEngine;
  readonly #instanceId: string;
  readonly #logger: Logger;
  readonly #checks = new Map<string, () => void>();
  #stop: Cancellation | undefined;

  constructor(options: { readonly engine: DockerEngine; readonly instanceId: string; readonly logger: Logger }) {
    this.#engine = options.engine;
    this.#instanceId = options.instanceId;
    this.#logger = options.logger;
  }

  /** One watcher for each id and caller. */
  watch(id: string, check: () => void): Cancellation {
    const key = `${id} ${String(nextKey++)}`;
    this.#checks.set(key, check);
    this.#stop ??= this.#start();
    return () => {
      this.#checks.delete(key);
      if (this.#checks.size === 0) this[Symbol.dispose]();
    };
  }

  [Symbol.dispose](): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #start(): Cancellation {
    let wasConnected = false;
    return this.#engine.watch(
      {
        types: ['container'],
        actions: ['die', 'destroy'],
        labels: [`${INSTANCE_LABEL}=${this.#instanceId}`],
      },
      {
        onEvent: ({ id }) => {
          for (const [key, check] of [...this.#checks]) if (key.startsWith(`${id} `)) check();
        },
        onConnected: () => {
          if (wasConnected) this.#logger.info('the container engine is back', { engine: this.#engine.address });
          wasConnected = true;
          for (const check of [...this.#checks.values()]) check();
        },
        onDisconnected: (error) => {
          this.#logger.warn('contact with the container engine is lost', {
            engine: this.#engine.address,
            error: errorMessage(error),
          });
        },
      },
    );
  }
}

let nextKey = 0;
