import type { Clock, Logger } from '@gateway-provisioners/core';
import { configFromEnv } from '../config/engine-config.ts';
import type { DockerEngine } from '../engine.ts';
import { openDockerEngine } from '../open-docker-engine.ts';

interface Services {
  readonly instanceId: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What all provisioners of one kind and one gateway share: connections to the engine, and one watch of what it does. */
export interface SharedEngine<W extends Disposable> {
  readonly engine: DockerEngine;
  readonly watch: W;
}

interface Entry<W extends Disposable> {
  readonly opening: Promise<SharedEngine<W>>;
  users: number;
}

/** The engines in use, by the gateway's environment and instance. */
export class SharedEngines<W extends Disposable> {
  readonly #newWatch: (options: Omit<Services, 'env'> & { readonly engine: DockerEngine }) => W;
  readonly #opened = new WeakMap<object, Map<string, Entry<W>>>();

  constructor(newWatch: (options: Omit<Services, 'env'> & { readonly engine: DockerEngine }) => W) {
    this.#newWatch = newWatch;
  }

  /** The engine of the gateway's environment. Dispose of the result; the last one closes everything. */
  async open(services: Services): Promise<{ readonly shared: SharedEngine<W> } & AsyncDisposable> {
    const { instanceId } = services;
    const perInstance = this.#opened.get(services.env) ?? new Map<string, Entry<W>>();
    this.#opened.set(services.env, perInstance);
    const entry = perInstance.get(instanceId) ?? { opening: this.#openNew(services), users: 0 };
    perInstance.set(instanceId, entry);
    const forget = (): void => {
      if (perInstance.get(instanceId) === entry) perInstance.delete(instanceId);
    };
    // Before it is waited for: whoever leaves meanwhile is not the last one then.
    entry.users += 1;
    let shared: SharedEngine<W>;
    try {
      shared = await entry.opening;
    } catch (error) {
      forget();
      throw error;
    }
    let isHeld = true;
    return {
      shared,
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        entry.users -= 1;
        if (entry.users > 0) return;
        forget();
        shared.watch[Symbol.dispose]();
        await shared.engine[Symbol.asyncDispose]();
      },
    };
  }

  async #openNew({ env, instanceId, clock, logger }: Services): Promise<SharedEngine<W>> {
    const engine = openDockerEngine(await configFromEnv(env), { clock, logger });
    return { engine, watch: this.#newWatch({ engine, instanceId, clock, logger }) };
  }
}
