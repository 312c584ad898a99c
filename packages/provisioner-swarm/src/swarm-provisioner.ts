import { ProvisionerError, assertOwnedBy, isProvisionerError, parseOwner } from '@gateway-provisioners/core';
import type {
  CallOptions,
  ImageOffer,
  ImageRequest,
  JsonObject,
  KernelProvisioner,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  OwnedResource,
  ProvisionerServices,
  ProvisionerState,
  ResourceListing,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { parseRemoteState } from '@gateway-provisioners/core/remote';
import type { LauncherFacts, WayToKernel } from '@gateway-provisioners/core/remote';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import {
  INSTANCE_LABEL,
  OWNER_LABEL,
  OwnedKernels,
  SharedEngines,
  isOwnedBy,
} from '@gateway-provisioners/docker-engine/kernels';
import type { SharedEngine } from '@gateway-provisioners/docker-engine/kernels';
import { OwnNode } from './engine/own-node.ts';
import { assertServiceName, removeService } from './kernel/remove-service.ts';
import { knownName, taskAddress } from './kernel/service-address.ts';
import { startService } from './kernel/start-service.ts';
import { SwarmService } from './kernel/swarm-service.ts';
import { hasEnded } from './kernel/task-state.ts';
import { offeredImages } from './service/offered-images.ts';
import type { SwarmConfig } from './settings/swarm-settings.ts';

const engines = new SharedEngines((options) => new OwnNode(options));
const LOST_AFTER_SECONDS = 60;

type Holding = { readonly shared: SharedEngine<OwnNode> } & AsyncDisposable;

/** Kernels as services of the swarm that one manager speaks for. They live on when this program ends, however it ends. */
export class SwarmProvisioner implements KernelProvisioner {
  readonly #services: ProvisionerServices;
  readonly #config: SwarmConfig;
  readonly #shared: Holding;
  readonly #kernels: OwnedKernels;

  private constructor(parts: {
    readonly services: ProvisionerServices;
    readonly config: SwarmConfig;
    readonly shared: Holding;
  }) {
    this.#services = parts.services;
    this.#config = parts.config;
    this.#shared = parts.shared;
    this.#kernels = new OwnedKernels(parts.services, 'docker-swarm');
  }

  /** The manager is the engine of `services.env`. Nothing is contacted yet. Errors: `INVALID_CONFIG`. */
  static async open(services: ProvisionerServices, config: SwarmConfig): Promise<SwarmProvisioner> {
    return new SwarmProvisioner({ services, config, shared: await engines.open(services) });
  }

  async launch(context: LaunchContext, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    const { clock, logger, env: hostEnv } = this.#services;
    const { engine, watch: ownNode } = this.#shared.shared;
    const config = this.#config;
    return await this.#kernels.launch(context, options, {
      expect: { portRange: config.port_range, protocol: config.launcher_protocol },
      create: async (parameters, create) => {
        const start = { engine, ownNode, clock, logger, context, config, parameters, create, hostEnv };
        return await startService(start, async ({ id, request, task, ownNodeId }) => {
          const { spec, network, volumes } = request;
          const { signal } = create;
          const address = knownName(config, spec) ?? (await taskAddress({ engine, task, network, ownNodeId, signal }));
          return this.#service(context, { id, name: spec.name, volumes, ownNodeId, address });
        });
      },
      connect: wayTo,
    });
  }

  /** Also undefined for a kernel that was never seen ready. Errors: `ENGINE_UNAVAILABLE`. */
  async attach(state: ProvisionerState, options: CallOptions = {}): Promise<LaunchedKernel | undefined> {
    return await this.#kernels.attach(state, options, {
      open: async (resource, owner) => await this.#find(owner, resource, options),
      connect: wayTo,
    });
  }

  async list({ signal }: CallOptions = {}): Promise<ResourceListing> {
    const labels = [`${INSTANCE_LABEL}=${this.#services.instanceId}`];
    const { services, secrets, address } = this.#engine;
    try {
      const found = await services.list({ labels }, { signal });
      const owners = new Set(found.map((service) => service.labels[OWNER_LABEL]));
      // A secret without its service is what an interrupted launch or removal left.
      const left = (await secrets.list({ labels }, { signal })).filter((file) => !owners.has(file.labels[OWNER_LABEL]));
      const listed = await Promise.all([
        ...found.map(async ({ id, name, labels: { [OWNER_LABEL]: owner = '' } }) => {
          return await this.#kernels.resourceOf(parseOwner(owner), { id, resource: { service: id, name } });
        }),
        ...left.map(async ({ id, name, labels: { [OWNER_LABEL]: owner = '' } }) => {
          const resource = { name: name.replace(/-v2$/, '') };
          return await this.#kernels.resourceOf(parseOwner(owner), { id, resource });
        }),
      ]);
      return { resources: listed.filter((resource) => resource !== undefined), unreachable: [] };
    } catch (error) {
      const isAway =
        error instanceof ProvisionerError &&
        (['unavailable', 'timeout'].includes(error.kind) || isProvisionerError(error, 'ENGINE_NOT_MANAGER'));
      if (!isAway) throw error;
      return { resources: [], unreachable: [address] };
    }
  }

  async reap(resource: OwnedResource, options: CallOptions = {}): Promise<void> {
    assertOwnedBy(this.#services.instanceId, resource);
    const state = parseRemoteState(resource.state);
    assertOwnedBy(this.#services.instanceId, state);
    await this.#remove(state, { ...namesOf(state.resource), ...options });
  }

  /** Asks no engine: an image that is offered need not exist. Errors: `INVALID_CONFIG`, `INVALID_ENV`. */
  async images(request: ImageRequest): Promise<readonly ImageOffer[]> {
    return await offeredImages(request, this.#config);
  }

  /** Lets go of all kernels; they run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kernels[Symbol.asyncDispose]();
    await this.#shared[Symbol.asyncDispose]();
  }

  get #engine(): DockerEngine {
    return this.#shared.shared.engine;
  }

  async #find(owner: ResourceOwner, resource: JsonObject, { signal }: CallOptions): Promise<SwarmService | undefined> {
    const { engine, watch: ownNode } = this.#shared.shared;
    const { service, volumes } = namesOf(resource);
    const details = await engine.services.inspect(service, { signal });
    if (details === undefined || !isOwnedBy(details.labels, owner)) return undefined;
    const tasks = await engine.tasks.list({ services: [details.id] }, { signal });
    const task = tasks.find((candidate) => !hasEnded(candidate));
    if (task === undefined) return undefined;
    const ownNodeId = await ownNode.id({ signal });
    // A task keeps its address for life.
    const address = typeof resource['address'] === 'string' ? resource['address'] : undefined;
    return this.#service(owner, { id: details.id, name: details.name, volumes, ownNodeId, address });
  }

  #service(
    owner: ResourceOwner,
    service: {
      readonly id: string;
      readonly name: string;
      readonly volumes: readonly string[];
      readonly ownNodeId: string;
      readonly address: string | undefined;
    },
  ): SwarmService {
    const { clock, logger } = this.#services;
    return new SwarmService({
      engine: this.#engine,
      clock,
      logger,
      ...service,
      lostAfterMs: (this.#config.lost_after_seconds ?? LOST_AFTER_SECONDS) * 1000,
      removeAll: async ({ signal }) => {
        await this.#remove(owner, { service: service.id, volumes: service.volumes, signal });
      },
    });
  }

  async #remove(
    owner: ResourceOwner,
    { service, volumes, signal }: { readonly service: string; readonly volumes: readonly string[] } & CallOptions,
  ): Promise<void> {
    const { engine, watch: ownNode } = this.#shared.shared;
    const { clock, logger } = this.#services;
    const ownNodeId = await ownNode.id({ signal });
    await removeService({ engine, clock, logger, owner, service, volumes, ownNodeId, signal });
    await this.#kernels.forget(owner);
  }
}

/** A kernel in a container listens on all of its addresses, and says so: the manager knows one that is reached from here. */
function wayTo(facts: LauncherFacts, service: SwarmService): Promise<WayToKernel> {
  const host = service.address ?? facts.peerAddress;
  if (host === undefined) return Promise.resolve({ connection: { info: facts.connection } });
  return Promise.resolve({ connection: { info: { ...facts.connection, ip: host } }, commHost: host });
}

function namesOf({ service, name, volumes }: JsonObject): {
  readonly service: string;
  readonly volumes: readonly string[];
} {
  const known = Array.isArray(volumes) ? volumes.filter((volume) => typeof volume === 'string') : [];
  return { service: assertServiceName(service ?? name), volumes: known };
}
