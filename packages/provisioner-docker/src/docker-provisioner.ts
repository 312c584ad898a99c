import { ProvisionerError, assertOwnedBy, parseOwner } from '@gateway-provisioners/core';
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
import type { ContainerDetails, ContainerSummary, DockerEngine } from '@gateway-provisioners/docker-engine';
import {
  INSTANCE_LABEL,
  OWNER_LABEL,
  OwnedKernels,
  SharedEngines,
  imageOffers,
  isOwnedBy,
  isRunning,
} from '@gateway-provisioners/docker-engine/kernels';
import type { SharedEngine } from '@gateway-provisioners/docker-engine/kernels';
import { containerAddress } from './container/container-address.ts';
import { DockerContainer } from './container/docker-container.ts';
import { PUBLISHED_RANGE, publicationOf } from './container/published-ports.ts';
import { removeOwned, startContainer } from './container/start-container.ts';
import { wayToContainer } from './container/way-to-container.ts';
import { ContainerWatch } from './engine/container-watch.ts';
import type { DockerConfig } from './settings/docker-settings.ts';

const engines = new SharedEngines((options) => new ContainerWatch(options));

/** Kernels in containers of one Docker Engine. They live on when this program ends, however it ends. */
export class DockerProvisioner implements KernelProvisioner {
  readonly #services: ProvisionerServices;
  readonly #config: DockerConfig;
  readonly #shared: { readonly shared: SharedEngine<ContainerWatch> } & AsyncDisposable;
  readonly #kernels: OwnedKernels;

  private constructor(parts: {
    readonly services: ProvisionerServices;
    readonly config: DockerConfig;
    readonly shared: { readonly shared: SharedEngine<ContainerWatch> } & AsyncDisposable;
  }) {
    this.#services = parts.services;
    this.#config = parts.config;
    this.#shared = parts.shared;
    this.#kernels = new OwnedKernels(parts.services, 'docker');
  }

  /** The engine is that of `services.env`. Nothing is contacted yet. Errors: `INVALID_CONFIG`. */
  static async open(services: ProvisionerServices, config: DockerConfig): Promise<DockerProvisioner> {
    return new DockerProvisioner({ services, config, shared: await engines.open(services) });
  }

  async launch(context: LaunchContext, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    const { clock, logger, env: hostEnv } = this.#services;
    const engine = this.#engine;
    const config = this.#config;
    const publication = publicationOf(config, engine.address);
    return await this.#kernels.launch(context, options, {
      expect: {
        portRange: publication === undefined ? config.port_range : PUBLISHED_RANGE,
        protocol: config.launcher_protocol,
      },
      create: async (parameters, create) => {
        const start = { engine, clock, logger, context, config, parameters, create, hostEnv, publication };
        return await startContainer(start, (details) => this.#container(context, details));
      },
      connect: wayTo,
    });
  }

  /** Also undefined for a kernel that was never seen ready. Errors: `ENGINE_UNAVAILABLE`. */
  async attach(state: ProvisionerState, options: CallOptions = {}): Promise<LaunchedKernel | undefined> {
    return await this.#kernels.attach(state, options, {
      open: async (resource, owner) => {
        const details = await this.#engine.containers.inspect(containerOf(resource), { signal: options.signal });
        if (details === undefined || !isOwnedBy(details.labels, owner)) return undefined;
        return isRunning(details) ? this.#container(owner, details) : undefined;
      },
      connect: wayTo,
    });
  }

  async list(options: CallOptions = {}): Promise<ResourceListing> {
    const { signal } = options;
    const labels = [`${INSTANCE_LABEL}=${this.#services.instanceId}`];
    let found: readonly ContainerSummary[];
    try {
      found = await this.#engine.containers.list({ labels }, { signal });
    } catch (error) {
      const isAway = error instanceof ProvisionerError && ['unavailable', 'timeout'].includes(error.kind);
      if (!isAway) throw error;
      return { resources: [], unreachable: [this.#engine.address] };
    }
    const listed = await Promise.all(
      found.map(async ({ id, name, labels: { [OWNER_LABEL]: owner = '' } }) => {
        return await this.#kernels.resourceOf(parseOwner(owner), { id, resource: { container: id, name } });
      }),
    );
    return { resources: listed.filter((resource) => resource !== undefined), unreachable: [] };
  }

  async reap(resource: OwnedResource, { signal }: CallOptions = {}): Promise<void> {
    assertOwnedBy(this.#services.instanceId, resource);
    const state = parseRemoteState(resource.state);
    assertOwnedBy(this.#services.instanceId, state);
    await removeOwned(this.#engine, containerOf(state.resource), { owner: state, signal });
    await this.#kernels.forget(state);
  }

  /** Asks no engine: an image that is offered need not exist. Errors: `INVALID_CONFIG`. */
  async images(request: ImageRequest): Promise<readonly ImageOffer[]> {
    return await imageOffers(request, this.#config);
  }

  /** Lets go of all kernels; they run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kernels[Symbol.asyncDispose]();
    await this.#shared[Symbol.asyncDispose]();
  }

  get #engine(): DockerEngine {
    return this.#shared.shared.engine;
  }

  #container(owner: ResourceOwner, details: ContainerDetails): DockerContainer {
    const { engine, watch } = this.#shared.shared;
    return new DockerContainer({
      engine,
      watch,
      clock: this.#services.clock,
      logger: this.#services.logger,
      details,
      address: isRunning(details) ? this.#addressOf(details) : '',
      isPublished: publicationOf(this.#config, engine.address) !== undefined,
      forget: async () => {
        await this.#kernels.forget(owner);
      },
    });
  }

  #addressOf(details: ContainerDetails): string {
    const { docker_network: network = 'bridge' } = this.#config;
    const publication = publicationOf(this.#config, this.#engine.address);
    return publication?.host ?? containerAddress(details, network, this.#engine);
  }
}

function wayTo(facts: LauncherFacts, container: DockerContainer): Promise<WayToKernel> {
  return Promise.resolve(wayToContainer(facts, container));
}

function containerOf({ container, name }: JsonObject): string {
  const known = container ?? name;
  if (typeof known === 'string') return known;
  throw new ProvisionerError('INVALID_ARGUMENT', 'this is not the state of a kernel of docker-provisioner');
}
