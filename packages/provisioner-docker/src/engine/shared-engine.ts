import type { Clock, Logger } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { ContainerWatch } from './container-watch.ts';

interface Services {
  readonly instanceId: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What all docker provisioners of one gateway share: connections to the engine, and one stream of events. */
export class SharedEngine {
  readonly engine: DockerEngine;
  readonly watch: ContainerWatch;
  #users = 0;

  private constructor(engine: DockerEngine, { instanceId, logger }: Services) {
    this.engine = engine;
    this.watch = new ContainerWatch({ engine, instanceId, logger });
  }

  /** The engine of the gateway's environment. Dispose of the result; the last one closes everything. */
  static async of(services: Services): Promise<{ readonly shared: SharedEngine } & AsyncDisposable> {
    const perInstance = opened.get(services.env) ?? new Map<string, Promise<SharedEngine>>();
    opened.set(services.env, perInstance);
    const opening = perInstance.get(services.instanceId) ?? SharedEngine.#open(services);
    perInstance.set(services.instanceId, opening);
    let shared: SharedEngine;
    try {
      shared = await opening;
    } catch (error) {
      perInstance.delete(services.instanceId);
      throw error;
    }
    shared.#users += 1;
    let isHeld = true;
    return {
      shared,
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        shared.#users -= 1;
        if (shared.#users > 0) return;
        if (perInstance.get(services.instanceId) === opening) perInstance.delete(services.instanceId);
        shared.watch[Symbol.dispose]();
        await shared.engine[Symbol.asyncDispose]();
      },
    };
  }

  static async #open(services: Services): Promise<SharedEngine> {
    const { clock, logger } = services;
    return new SharedEngine(openDockerEngine(await configFromEnv(services.env), { clock, logger }), services);
  }
}

const opened = new WeakMap<object, Map<string, Promise<SharedEngine>>>();
