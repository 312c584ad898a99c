import { ProvisionerError, assertOwnedBy, formatOwner, parseOwner } from '@gateway-provisioners/core';
import type {
  CallOptions,
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
import {
  HeldKernels,
  attachRemoteKernel,
  launchRemoteKernel,
  leastRemoteState,
  parseRemoteState,
} from '@gateway-provisioners/core/remote';
import type { LauncherFacts, WayToKernel } from '@gateway-provisioners/core/remote';
import type { ContainerDetails, ContainerSummary, DockerEngine } from '@gateway-provisioners/docker-engine';
import {
  INSTANCE_LABEL,
  OWNER_LABEL,
  SharedEngines,
  StateFiles,
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
  readonly #states: StateFiles;
  readonly #held = new HeldKernels();

  private constructor(parts: {
    readonly services: ProvisionerServices;
    readonly config: DockerConfig;
    readonly shared: { readonly shared: SharedEngine<ContainerWatch> } & AsyncDisposable;
  }) {
    this.#services = parts.services;
    this.#config = parts.config;
    this.#shared = parts.shared;
    this.#states = new StateFiles(parts.services.runtimeDir, 'docker');
  }

  /** The engine is that of `services.env`. Nothing is contacted yet. Errors: `INVALID_CONFIG`. */
  static async open(services: ProvisionerServices, config: DockerConfig): Promise<DockerProvisioner> {
    return new DockerProvisioner({ services, config, shared: await engines.open(services) });
  }

  async launch(context: LaunchContext, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    assertOwnedBy(this.#services.instanceId, context);
    const { clock, logger, env: hostEnv } = this.#services;
    const engine = this.#engine;
    const config = this.#config;
    const publication = publicationOf(config, engine.address);
    const hold = this.#held.hold();
    try {
      const kernel = await launchRemoteKernel({
        context: {
          ...context,
          checkpoint: async (state) => {
            await Promise.all([this.#states.save(context, state), context.checkpoint(state)]);
          },
        },
        launch: options,
        clock,
        logger,
        expect: {
          portRange: publication === undefined ? config.port_range : PUBLISHED_RANGE,
          protocol: config.launcher_protocol,
        },
        create: async (parameters, create) => {
          const start = { engine, clock, logger, context, config, parameters, create, hostEnv, publication };
          return await startContainer(start, (details) => this.#container(context, details));
        },
        connect: wayTo,
        onReleased: hold.release,
      });
      hold.take(kernel);
      return kernel;
    } catch (error) {
      await this.#states.forget(context);
      throw error;
    }
  }

  /** Also undefined for a kernel that was never seen ready. Errors: `ENGINE_UNAVAILABLE`. */
  async attach(given: ProvisionerState, options: CallOptions = {}): Promise<LaunchedKernel | undefined> {
    const { clock, logger, rendezvous, instanceId } = this.#services;
    const owner = parseRemoteState(given);
    // Our copy may know more than a state that was stored early.
    const state = owner.connection === undefined ? ((await this.#states.load(owner)) ?? given) : given;
    const hold = this.#held.hold();
    const kernel = await attachRemoteKernel({
      state,
      instanceId,
      rendezvous,
      clock,
      logger,
      signal: options.signal,
      open: async (resource, known) => {
        // Its launcher had not called home when the gateway ended: nobody could ever talk to it, so it is to be removed.
        if (known.connection === undefined) return undefined;
        const details = await this.#engine.containers.inspect(containerOf(resource), { signal: options.signal });
        const isOurs = details?.labels[OWNER_LABEL] === formatOwner(known);
        return isOurs && isRunning(details) ? this.#container(known, details) : undefined;
      },
      connect: wayTo,
      onReleased: hold.release,
    });
    if (kernel !== undefined) hold.take(kernel);
    return kernel;
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
    const listed = await Promise.all(found.map(async (container) => await this.#toResource(container)));
    return { resources: listed.filter((resource) => resource !== undefined), unreachable: [] };
  }

  async reap(resource: OwnedResource, { signal }: CallOptions = {}): Promise<void> {
    assertOwnedBy(this.#services.instanceId, resource);
    const state = parseRemoteState(resource.state);
    assertOwnedBy(this.#services.instanceId, state);
    await removeOwned(this.#engine, containerOf(state.resource), { owner: state, signal });
    await this.#states.forget(state);
  }

  /** Lets go of all kernels; they run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]();
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
      logger: this.#services.logger,
      details,
      address: isRunning(details) ? this.#addressOf(details) : '',
      isPublished: publicationOf(this.#config, engine.address) !== undefined,
      forget: async () => {
        await this.#states.forget(owner);
      },
    });
  }

  #addressOf(details: ContainerDetails): string {
    const { docker_network: network = 'bridge' } = this.#config;
    const publication = publicationOf(this.#config, this.#engine.address);
    return publication?.host ?? containerAddress(details, network, this.#engine);
  }

  async #toResource({ id, name, labels }: ContainerSummary): Promise<OwnedResource | undefined> {
    const owner = parseOwner(labels[OWNER_LABEL] ?? '');
    if (owner?.instanceId !== this.#services.instanceId) return undefined;
    const state = await this.#states.load(owner);
    return { ...owner, id, state: state ?? leastRemoteState(owner, { container: id, name }) };
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
