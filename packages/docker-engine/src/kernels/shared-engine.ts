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

interface Opened<W extends Disposable> extends SharedEngine<W> {
  users: number;
}

/** The engines in use, by the gateway's environment and instance. */
export class SharedEngines<W extends Disposable> {
  readonly #newWatch: (options: Omit<Services, 'env'> & { readonly engine: DockerEngine }) => W;
  readonly #opened = new WeakMap<object, Map<string, Promise<Opened<W>>>>();

  constructor(newWatch: (options: Omit<Services, 'env'> & { readonly engine: DockerEngine }) => W) {
    this.#newWatch = newWatch;
  }

  /** The engine of the gateway's environment. Dispose of the result; the last one closes everything. */
  async open(services: Services): Promise<{ readonly shared: SharedEngine<W> } & AsyncDisposable> {
    const { instanceId } = services;
    const perInstance = this.#opened.get(services.env) ?? new Map<string, Promise<Opened<W>>>();
    this.#opened.set(services.env, perInstance);
    const opening = perInstance.get(instanceId) ?? this.#openNew(services);
    perInstance.set(instanceId, opening);
    let shared: Opened<W>;
    try {
      shared = await opening;
    } catch (error) {
      perInstance.delete(instanceId);
      throw error;
    }
    shared.users += 1;
    let isHeld = true;
    return {
      shared,
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        shared.users -= 1;
        if (shared.users > 0) return;
        if (perInstance.get(instanceId) === opening) perInstance.delete(instanceId);
        shared.watch[Symbol.dispose]();
        await shared.engine[Symbol.asyncDispose]();
      },
    };
  }

  async #openNew({ env, instanceId, clock, logger }: Services): Promise<Opened<W>> {
    const engine = openDockerEngine(await configFromEnv(env), { clock, logger });
    return { engine, watch: this.#newWatch({ engine, instanceId, clock, logger }), users: 0 };
  }
}
