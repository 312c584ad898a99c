import {
  ProvisionerError,
  assertOwnedBy,
  errorMessage,
  formatOwner,
  isProvisionerError,
  parseOwner,
  withDeadline,
} from '@gateway-provisioners/core';
import type {
  CallOptions,
  Clock,
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
  formatRemoteState,
  launchRemoteKernel,
  leastRemoteState,
  parseRemoteState,
} from '@gateway-provisioners/core/remote';
import type { CreateOptions, LauncherFacts, WayToKernel } from '@gateway-provisioners/core/remote';
import type { LauncherParameters } from '@gateway-provisioners/core';
import type { DistributedConfig } from './distributed-config.ts';
import { HostList, isCalled } from './hosts/host-list.ts';
import type { Rotation, Seat } from './hosts/host-seats.ts';
import type { KernelHost, ResponseWay } from './hosts/kernel-host.ts';
import { SharedHosts } from './hosts/shared-hosts.ts';
import { DEFAULT_REMOTE_DIR, hostState, isFailureOfHost, placesOf, removeKernel, startKernel } from './kernel-start.ts';
import { isUserName, kernelUser } from './kernel-user.ts';
import { Placement, leastConnection, leastLoad, roundRobin } from './placement.ts';
import type { PlacementPolicy } from './placement.ts';
import { RemoteProcess, inspectKernel } from './remote-process.ts';
import { listProgram, saveStateProgram } from './shell/kernel-programs.ts';
import { runProgram } from './shell/run-program.ts';
import { wayTo } from './way-to.ts';

/** For a question to a host that may be silent. */
const ASK_MS = 20_000;
/** As long as launchers live without a word from the gateway: later, nothing can be left of the kernel. */
const GRACE_MS = 60 * 60 * 1000;

export interface DistributedProvisionerOptions {
  /** Chooses among hosts, instead of what `load_balancing_algorithm` names. */
  readonly policy?: PlacementPolicy;
}

/** Kernels as process groups on a list of hosts. They live on when this program ends, however it ends. */
export class DistributedProvisioner implements KernelProvisioner {
  readonly #services: ProvisionerServices;
  readonly #config: DistributedConfig;
  readonly #hosts: HostList;
  readonly #shared: { readonly hosts: SharedHosts } & AsyncDisposable;
  readonly #placement: Placement;
  readonly #held = new HeldKernels();

  private constructor(parts: {
    readonly services: ProvisionerServices;
    readonly config: DistributedConfig;
    readonly hosts: HostList;
    readonly shared: { readonly hosts: SharedHosts } & AsyncDisposable;
    readonly policy: PlacementPolicy;
  }) {
    const { services, config } = parts;
    this.#services = services;
    this.#config = config;
    this.#hosts = parts.hosts;
    this.#shared = parts.shared;
    this.#placement = new Placement({
      policy: parts.policy,
      clock: services.clock,
      seats: parts.shared.hosts.seats,
      maxKernelsPerHost: config.max_kernels_per_host,
      drained: config.drained_hosts ?? [],
    });
  }

  /** Errors: `INVALID_CONFIG`. Nothing is contacted yet. */
  static async open(
    services: ProvisionerServices,
    config: DistributedConfig,
    options: DistributedProvisionerOptions = {},
  ): Promise<DistributedProvisioner> {
    const shared = SharedHosts.of(services.env, services);
    try {
      const hosts = await HostList.open({ config, services, pool: shared.hosts.pool });
      const policy = options.policy ?? policyOf(config, services.clock, shared.hosts.seats.rotationOf(hosts.all));
      return new DistributedProvisioner({ services, config, hosts, shared, policy });
    } catch (error) {
      await shared[Symbol.asyncDispose]();
      throw error;
    }
  }

  async launch(context: LaunchContext, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    assertOwnedBy(this.#services.instanceId, context);
    const { clock, logger } = this.#services;
    let resource: RemoteProcess | undefined;
    const hold = this.#held.hold();
    const kernel = await launchRemoteKernel({
      context: {
        ...context,
        // The copy beside the kernel is what `list` finds when this gateway's records are lost.
        checkpoint: async (state) => {
          const saved = resource === undefined ? undefined : this.#saveState(resource, context, state);
          await Promise.all([context.checkpoint(state), saved]);
        },
      },
      launch: options,
      clock,
      logger,
      expect: { portRange: this.#config.port_range, protocol: this.#config.launcher_protocol },
      create: async (parameters, create) => {
        resource = await this.#create(parameters, { context, create });
        return resource;
      },
      connect: async (facts, process) => {
        await process.launcherAnswered(facts);
        return wayTo(process.host, facts);
      },
      onReleased: hold.release,
    });
    resource?.belongsTo(kernel);
    hold.take(kernel);
    return kernel;
  }

  /**
   * A kernel whose launcher had not called home is one that nobody will ever talk to: it is removed.
   * Errors: those of a connection when the host cannot be asked.
   */
  async attach(given: ProvisionerState, options: CallOptions = {}): Promise<LaunchedKernel | undefined> {
    const { clock, logger, rendezvous, instanceId } = this.#services;
    const state = await this.#completed(given, options);
    const hold = this.#held.hold();
    let found: RemoteProcess | undefined;
    const kernel = await attachRemoteKernel({
      state,
      instanceId,
      rendezvous,
      clock,
      logger,
      signal: options.signal,
      open: async (resource, owner) => {
        const host = this.#hostOf(resource);
        const { is } = await inspectKernel(host, placesOf(owner, this.#config, host).kernel, options);
        // One that never called home is handed over in any case: it is removed then, with what it left.
        if (is !== 'alive' && owner.connection !== undefined) return undefined;
        found = this.#process(owner, this.#placement.seat(host), { host });
        return found;
      },
      connect: async (facts: LauncherFacts, process: RemoteProcess): Promise<WayToKernel> => {
        await process.launcherAnswered(facts);
        return wayTo(process.host, facts);
      },
      onReleased: hold.release,
    });
    if (kernel === undefined) return undefined;
    found?.belongsTo(kernel);
    hold.take(kernel);
    return kernel;
  }

  /** The copy beside the kernel may know more than a state that was stored early. */
  async #completed(given: ProvisionerState, options: CallOptions): Promise<ProvisionerState> {
    const owner = parseRemoteState(given);
    assertOwnedBy(this.#services.instanceId, owner);
    if (owner.connection !== undefined) return given;
    const key = formatOwner(owner);
    const copies = await this.#listHost(this.#hostOf(owner.resource).login, options);
    return copies.find((resource) => formatOwner(resource) === key)?.state ?? given;
  }

  async list(options: CallOptions = {}): Promise<ResourceListing> {
    const resources = new Map<string, OwnedResource>();
    const unreachable: string[] = [];
    await Promise.all(
      this.#hosts.all.map(async (host) => {
        try {
          for (const resource of await this.#listHost(host, options)) resources.set(formatOwner(resource), resource);
        } catch (error) {
          if (isProvisionerError(error, 'CANCELLED')) throw error;
          this.#services.logger.warn('the kernels of a host cannot be listed', {
            host: host.name,
            error: errorMessage(error),
          });
          unreachable.push(host.name);
        }
      }),
    );
    return { resources: [...resources.values()], unreachable };
  }

  async reap(resource: OwnedResource, options: CallOptions = {}): Promise<void> {
    assertOwnedBy(this.#services.instanceId, resource);
    const state = parseRemoteState(resource.state);
    assertOwnedBy(this.#services.instanceId, state);
    const host = this.#hostOf(state.resource);
    await removeKernel(host, placesOf(state, this.#config, host), options);
  }

  /** Lets go of all kernels; they run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]();
    await this.#shared[Symbol.asyncDispose]();
  }

  /** Tries hosts, best first, until one starts the kernel. */
  async #create(
    parameters: LauncherParameters,
    { context, create }: { readonly context: LaunchContext; readonly create: CreateOptions },
  ): Promise<RemoteProcess> {
    const user = kernelUser(context, this.#config);
    const failures: { readonly host: KernelHost; readonly error: unknown }[] = [];
    const { seat: best, others } = await this.#placement.choose(this.#allowedHosts(context), create);
    for (const login of [best.host, ...others]) {
      const seat = login === best.host ? best : this.#placement.trySeat(login);
      if (seat === undefined) continue;
      const host = this.#hosts.findAs(login.name, user);
      try {
        const options = { ...create, context, parameters, config: this.#config, services: this.#services };
        const { way } = await startKernel(host, options);
        return this.#process(context, seat, { host, way });
      } catch (error) {
        seat[Symbol.dispose]();
        if (create.signal.aborted || !isFailureOfHost(error)) throw error;
        failures.push({ host, error });
        this.#services.logger.warn('a kernel could not be started on a host', {
          host: host.name,
          kernelId: context.kernelId,
          error: errorMessage(error),
        });
      }
    }
    const [only] = failures;
    if (only === undefined) throw new ProvisionerError('INTERNAL', 'no host was tried');
    if (failures.length === 1) throw only.error;
    const list = failures.map(({ host, error }) => `${host.name}: ${errorMessage(error)}`).join('\n');
    const code = failures.every(({ error }) => isProvisionerError(error, 'HOST_UNREACHABLE'))
      ? 'HOST_UNREACHABLE'
      : 'HOST_COMMAND_FAILED';
    throw new ProvisionerError(code, `the kernel could be started on no host:\n${list}`, {
      cause: only.error,
      coordinates: { kernel: context.kernelId },
    });
  }

  /** `KERNEL_REMOTE_HOST` names one of the list. */
  #allowedHosts(context: LaunchContext): readonly KernelHost[] {
    const wanted = context.env['KERNEL_REMOTE_HOST'];
    if (wanted === undefined || wanted === '') return this.#hosts.all;
    const pinned = this.#hosts.all.filter((host) => isCalled(host, wanted));
    if (pinned.length > 0) return pinned.slice(0, 1);
    throw new ProvisionerError('INVALID_ENV', 'KERNEL_REMOTE_HOST names a host that is not among remote_hosts', {
      coordinates: { kernel: context.kernelId },
    });
  }

  #process(
    owner: ResourceOwner,
    seat: Seat,
    { host, way }: { readonly host: KernelHost; readonly way?: ResponseWay },
  ): RemoteProcess {
    const { clock, logger } = this.#services;
    const places = placesOf(owner, this.#config, host);
    return new RemoteProcess({
      host,
      places,
      watch: this.#shared.hosts.watchOf(host.login, places.record.remoteDir),
      graceMs: this.#config.unreachable_grace_ms ?? GRACE_MS,
      clock,
      logger,
      way,
      onReleased: () => {
        seat[Symbol.dispose]();
      },
    });
  }

  /** Errors: `INVALID_ARGUMENT` for what is no state of ours. */
  #hostOf({ host, user }: JsonObject): KernelHost {
    const isUser = user === undefined || (typeof user === 'string' && isUserName(user));
    if (typeof host === 'string' && isUser) return this.#hosts.findAs(host, user);
    throw new ProvisionerError('INVALID_ARGUMENT', 'this is not the state of a kernel of distributed-provisioner');
  }

  async #saveState(process: RemoteProcess, owner: ResourceOwner, state: ProvisionerState): Promise<void> {
    const { record } = placesOf(owner, this.#config, process.host);
    const program = saveStateProgram(record, JSON.stringify(state));
    const what = `the copy of the state on ${process.host.name}`;
    await withDeadline({ what, timeoutMs: ASK_MS, clock: this.#services.clock }, async (scope) => {
      await runProgram(process.host.login, program, { signal: scope.signal });
    });
  }

  async #listHost(host: KernelHost, { signal }: CallOptions): Promise<readonly OwnedResource[]> {
    const remoteDir = this.#config.remote_dir ?? DEFAULT_REMOTE_DIR;
    const what = `the kernels of ${host.name}`;
    const { clock, instanceId } = this.#services;
    const output = await withDeadline(
      { what, timeoutMs: ASK_MS, signal, clock },
      async (scope) => await runProgram(host, listProgram(remoteDir), { signal: scope.signal }),
    );
    const lines = output.toString('utf8').split('\n');
    const found: OwnedResource[] = [];
    for (let at = 0; at + 1 < lines.length; at += 2) {
      const [name = '', ownerText = '', user = ''] = (lines[at] ?? '').split(' ');
      const owner = parseOwner(ownerText);
      if (owner?.instanceId !== instanceId || (user !== '' && !isUserName(user))) continue;
      if (placesOf(owner, this.#config, host).record.name !== name) continue;
      const account = user === '' ? host : this.#hosts.findAs(host.name, user);
      found.push({ ...owner, id: `${host.name}/${name}`, state: stateOf(lines[at + 1] ?? '', owner, account) });
    }
    return found;
  }
}

function policyOf(config: DistributedConfig, clock: Clock, rotation: Rotation): PlacementPolicy {
  switch (config.load_balancing_algorithm) {
    case 'least-connection':
      return leastConnection();
    case 'least-load':
      return leastLoad(clock);
    default:
      return roundRobin(rotation);
  }
}

/** The copy that lies beside the kernel; where there is none yet, enough to remove the kernel. */
function stateOf(text: string, owner: ResourceOwner, host: KernelHost): ProvisionerState {
  const least = leastRemoteState(owner, hostState(host));
  try {
    const value: unknown = JSON.parse(text);
    const state = parseRemoteState(isObject(value) ? value : {});
    return formatOwner(state) === formatOwner(owner) ? formatRemoteState(state) : least;
  } catch {
    return least;
  }
}

function isObject(value: unknown): value is ProvisionerState {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
