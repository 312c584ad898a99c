import { ProcessWatcher, ProvisionerError, attachProcessGroup, throwIfAborted } from '@gateway-provisioners/core';
import type {
  CallOptions,
  KernelProvisioner,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  OwnedResource,
  ProcessGroup,
  ProvisionerServices,
  ProvisionerState,
  ResourceListing,
  ResourceOwner,
} from '@gateway-provisioners/core';
import type { HelloConfig } from './hello-config.ts';
import { HelloFiles, ownersIn, parseState, toState } from './hello-files.ts';
import type { HelloState } from './hello-files.ts';
import { HelloKernel, endProcesses } from './hello-kernel.ts';
import { launchHello } from './hello-launch.ts';

/** Kernels as processes of this machine, each with a folder under the host's `runtimeDir`. */
export class HelloProvisioner implements KernelProvisioner {
  readonly #services: ProvisionerServices;
  readonly #config: HelloConfig;
  readonly #watcher: ProcessWatcher;

  constructor(services: ProvisionerServices, config: HelloConfig) {
    this.#services = services;
    this.#config = config;
    this.#watcher = new ProcessWatcher({ clock: services.clock });
  }

  async launch(context: LaunchContext, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    this.#assertOurs(context);
    options.progress?.({ phase: 'starting', message: this.#config.greeting });
    return await launchHello(context, this.#services, options);
  }

  async attach(given: ProvisionerState, options: CallOptions = {}): Promise<LaunchedKernel | undefined> {
    const state = await this.#latest(parseState(given));
    const group = await this.#groupOf(state, options);
    if (group === undefined) return undefined;
    const files = this.#filesOf(state);
    return new HelloKernel({ state, files, group, connection: await files.readConnection() });
  }

  async list(options: CallOptions = {}): Promise<ResourceListing> {
    const owners = await ownersIn(this.#services.runtimeDir);
    const resources: OwnedResource[] = [];
    for (const owner of owners) {
      throwIfAborted(options.signal);
      if (owner.instanceId !== this.#services.instanceId) continue;
      const state = toState(await this.#latest(owner));
      resources.push({ ...owner, id: this.#filesOf(owner).folder, state });
    }
    return { resources, unreachable: [] };
  }

  async reap(resource: OwnedResource, options: CallOptions = {}): Promise<void> {
    const state = await this.#latest(parseState(resource.state));
    this.#assertOurs(state);
    using group = await this.#groupOf(state, options);
    await endProcesses(state, group, options);
    await this.#filesOf(state).remove();
  }

  /** Kernels live on; their holders dispose of them. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** A crash between start and checkpoint leaves the process in the folder's copy of the state only. */
  async #latest(state: HelloState): Promise<HelloState> {
    return state.process === undefined ? ((await this.#filesOf(state).readState()) ?? state) : state;
  }

  async #groupOf(state: HelloState, options: CallOptions): Promise<ProcessGroup | undefined> {
    this.#assertOurs(state);
    if (state.process === undefined) return undefined;
    const { signal } = options;
    return await attachProcessGroup(state.process, { watcher: this.#watcher, clock: this.#services.clock, signal });
  }

  #filesOf(owner: ResourceOwner): HelloFiles {
    return new HelloFiles(this.#services.runtimeDir, owner);
  }

  #assertOurs(owner: ResourceOwner): void {
    if (owner.instanceId === this.#services.instanceId) return;
    throw new ProvisionerError('INVALID_ARGUMENT', `kernel ${owner.kernelId} belongs to another instance`);
  }
}
