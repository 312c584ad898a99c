import type { Cancellation, Clock, Logger } from '@gateway-provisioners/core';
import type { EngineConfig } from '../config/engine-config.ts';
import type { EngineCall } from '../engine-call.ts';
import type { EngineNetworks, EngineVolumes } from '../engine-resources.ts';
import type {
  DockerEngine,
  EngineContainers,
  EngineEvent,
  EngineImages,
  EngineVersion,
  EventFilter,
  EventListener,
} from '../engine.ts';
import { watchEvents } from '../event-watch.ts';
import { readJsonLines } from '../json-lines.ts';
import type { EngineNodes, EngineServices, EngineSwarm, EngineSwarmFiles, EngineTasks } from '../swarm/engine-swarm.ts';
import { TaskFollower } from '../swarm/task-follower.ts';
import { toEngineEvent } from './answers.ts';
import { containersOf } from './containers.ts';
import { EngineClient } from './engine-client.ts';
import { imagesOf } from './images.ts';
import { networksOf } from './networks.ts';
import { nodesOf, swarmOf } from './swarm/nodes.ts';
import { servicesOf } from './swarm/services.ts';
import { swarmFilesOf } from './swarm/swarm-files.ts';
import { tasksOf } from './swarm/tasks.ts';
import { volumesOf } from './volumes.ts';

/** An engine behind docker-modem. */
export class ModemEngine implements DockerEngine {
  readonly address: string;
  readonly containers: EngineContainers;
  readonly images: EngineImages;
  readonly networks: EngineNetworks;
  readonly volumes: EngineVolumes;
  readonly swarm: EngineSwarm;
  readonly services: EngineServices;
  readonly tasks: EngineTasks;
  readonly nodes: EngineNodes;
  readonly configs: EngineSwarmFiles;
  readonly secrets: EngineSwarmFiles;
  readonly #client: EngineClient;
  readonly #logger: Logger;
  readonly #follower: TaskFollower;
  readonly #watches = new Set<Cancellation>();

  constructor(config: EngineConfig, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    const client = new EngineClient(config, clock);
    this.#client = client;
    this.#logger = logger;
    this.address = client.address;
    this.containers = containersOf(client);
    this.images = imagesOf(client);
    this.networks = networksOf(client);
    this.volumes = volumesOf(client);
    this.swarm = swarmOf(client);
    this.services = servicesOf(client);
    this.nodes = nodesOf(client);
    const tasks = tasksOf(client);
    this.#follower = new TaskFollower({
      tasks,
      nodes: this.nodes,
      services: this.services,
      watch: (filter, listener) => this.watch(filter, listener),
      clock,
      logger,
    });
    this.tasks = { ...tasks, follow: (serviceId, listener) => this.#follower.follow(serviceId, listener) };
    this.configs = swarmFilesOf(client, 'config');
    this.secrets = swarmFilesOf(client, 'secret');
  }

  async ping(call: EngineCall = {}): Promise<void> {
    await this.#client.ask({ method: 'GET', path: ['_ping'], action: 'reach the engine' }, call);
  }

  async version(call: EngineCall = {}): Promise<EngineVersion> {
    return await this.#client.version(call);
  }

  watch({ types, actions, labels, scopes }: EventFilter, listener: EventListener): Cancellation {
    const filters = JSON.stringify({ type: types, event: actions, label: labels, scope: scopes });
    const stop = watchEvents({
      listener,
      clock: this.#client.clock,
      logger: this.#logger,
      open: async (sinceNs, signal) => {
        const query = { filters, since: toSeconds(sinceNs) };
        const request = { method: 'GET', path: ['events'], query, action: 'watch events' } as const;
        const stream = await this.#client.stream(request, signal);
        return toEvents(stream);
      },
    });
    const cancel = (): void => {
      this.#watches.delete(cancel);
      stop();
    };
    this.#watches.add(cancel);
    return cancel;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#follower[Symbol.dispose]();
    for (const cancel of [...this.#watches]) cancel();
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }
}

async function* toEvents(stream: AsyncIterable<unknown>): AsyncGenerator<EngineEvent, void> {
  for await (const line of readJsonLines(stream)) {
    const event = toEngineEvent(line);
    if (event !== undefined) yield event;
  }
}

/** `seconds.nanoseconds`, as the Engine API takes moments. */
function toSeconds(timeNs: bigint): string {
  return `${String(timeNs / 1_000_000_000n)}.${String(timeNs % 1_000_000_000n).padStart(9, '0')}`;
}
