import { randomUUID } from 'node:crypto';
import { KernelFailureError, observed, raceSignal } from '@gateway-provisioners/core';
import type {
  ConnectionInfo,
  KernelConnection,
  KernelExit,
  KernelProvisioner,
  KernelStats,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  OwnedResource,
  ProvisionerState,
  ResourceListing,
} from '@gateway-provisioners/core';
import type { KernelChannelsOptions } from '@gateway-provisioners/wire';
import { Gate } from '../life/gate.ts';
import { FakeChannels, FakeKernel } from './fake-kernel.ts';

/** Something that runs somewhere: it outlives managers. */
export class FakeResource {
  readonly id = randomUUID();
  readonly context: LaunchContext;
  readonly kernel: FakeKernel;
  readonly exited = new Gate<KernelExit>();
  readonly calls: string[] = [];
  obeysTerminate = true;
  logTail = '';
  /** What it uses; its backend cannot tell while this is undefined. */
  stats: KernelStats | undefined;
  /** Rejects `kill` while set. */
  killError: Error | undefined;

  constructor(context: LaunchContext) {
    this.context = context;
    this.kernel = new FakeKernel(connectionOf(this.id));
    this.kernel.onExit = (exitCode) => {
      this.exit({ reason: 'exited', exitCode, logTail: this.logTail });
    };
  }

  exit(exit: KernelExit): void {
    this.exited.open(exit);
  }
}

/** A backend in this process. `world` is what exists; hand it to a second backend to restart the gateway. */
export class FakeBackend implements KernelProvisioner {
  readonly world: Map<string, FakeResource>;
  /** All that were ever created here, in order. */
  readonly created: FakeResource[] = [];
  readonly channels: FakeChannels[] = [];
  /** Runs at the start of each launch: may throw, or wait. */
  beforeLaunch: (context: LaunchContext, options: LaunchOptions) => Promise<void> | void = () => undefined;
  /** Runs when the resource exists and its state is stored. */
  afterCheckpoint: (resource: FakeResource, options: LaunchOptions) => Promise<void> | void = () => undefined;
  /** Shapes the kernel before anybody can speak to it. */
  onCreated: (resource: FakeResource) => void = () => undefined;
  /** Kernels have no images while this is absent. */
  images?: NonNullable<KernelProvisioner['images']>;
  attachError: Error | undefined;
  unreachable: readonly string[] = [];
  launches = 0;

  constructor(world = new Map<string, FakeResource>()) {
    this.world = world;
  }

  readonly openChannels = (options: KernelChannelsOptions): FakeChannels => {
    const { key } = options.connection.current.info;
    const resource = this.world.get(key) ?? this.created.find(({ id }) => id === key);
    if (resource === undefined) throw new Error('no such kernel');
    const channels = new FakeChannels(options, resource.kernel);
    this.channels.push(channels);
    return channels;
  };

  get last(): FakeResource {
    const last = this.created.at(-1);
    if (last === undefined) throw new Error('nothing was launched');
    return last;
  }

  async launch(context: LaunchContext, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    this.launches += 1;
    await this.beforeLaunch(context, options);
    const resource = new FakeResource(context);
    this.world.set(resource.id, resource);
    this.created.push(resource);
    try {
      await context.checkpoint({ resource: resource.id });
      await this.afterCheckpoint(resource, options);
      this.onCreated(resource);
    } catch (error) {
      this.world.delete(resource.id);
      throw error;
    }
    options.progress?.({ phase: 'starting' });
    return this.#launched(resource);
  }

  async attach(state: ProvisionerState): Promise<LaunchedKernel | undefined> {
    await Promise.resolve();
    if (this.attachError !== undefined) throw this.attachError;
    const id = state['resource'];
    const resource = typeof id === 'string' ? this.world.get(id) : undefined;
    return resource === undefined ? undefined : this.#launched(resource);
  }

  list(): Promise<ResourceListing> {
    return Promise.resolve({
      resources: [...this.world.values()].map((resource) => ({
        id: resource.id,
        instanceId: resource.context.instanceId,
        kernelId: resource.context.kernelId,
        incarnation: resource.context.incarnation,
        state: { resource: resource.id },
      })),
      unreachable: this.unreachable,
    });
  }

  reap(resource: OwnedResource): Promise<void> {
    this.world.delete(resource.id);
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #launched(resource: FakeResource): LaunchedKernel {
    const note = (call: string): void => {
      resource.calls.push(call);
    };
    return {
      connection: observed<KernelConnection>({ info: resource.kernel.connection }),
      exited: resource.exited.promise,
      state: { resource: resource.id },
      liveness: () => Promise.resolve(this.world.has(resource.id) ? 'alive' : 'dead'),
      interrupt: () => {
        note('interrupt');
        resource.kernel.interrupt();
        return Promise.resolve();
      },
      signal: () => Promise.resolve(),
      terminate: () => {
        note('terminate');
        if (resource.obeysTerminate) resource.exit({ reason: 'signalled', signal: 'SIGTERM', logTail: '' });
        return Promise.resolve();
      },
      kill: () => {
        note('kill');
        if (resource.killError !== undefined) return Promise.reject(resource.killError);
        this.world.delete(resource.id);
        resource.exit({ reason: 'killed', logTail: '' });
        return Promise.resolve();
      },
      logs: () => Promise.resolve(resource.logTail),
      endpoint: () => Promise.resolve(undefined),
      stats: () => Promise.resolve(resource.stats),
      [Symbol.asyncDispose]: () => {
        note('dispose');
        return Promise.resolve();
      },
    };
  }
}

/** A launch that fails the way provisioners fail. */
export function launchFailure(logTail: string): KernelFailureError {
  return new KernelFailureError('LAUNCH_FAILED', 'no place for it', { logTail });
}

/** Waits until the launch is given up. */
export async function untilAborted(options: LaunchOptions): Promise<void> {
  await raceSignal(new Promise<never>(() => undefined), options.signal);
}

function connectionOf(id: string): ConnectionInfo {
  return {
    transport: 'tcp',
    ip: '127.0.0.1',
    shell_port: 1,
    iopub_port: 2,
    stdin_port: 3,
    control_port: 4,
    hb_port: 5,
    key: id,
    signature_scheme: 'hmac-sha256',
  };
}
