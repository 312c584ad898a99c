import { systemClock } from '../../clock.ts';
import type { ConnectionInfo } from '../../connection-info.ts';
import type { KernelExit } from '../../errors.ts';
import { silentLogger } from '../../logger.ts';
import type {
  KernelStats,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  Liveness,
  ProvisionerState,
} from '../../provisioner.ts';
import type { CommChannel, CommState, CommStatus, LauncherAnswer, LauncherParameters } from '../../rendezvous.ts';
import type { AttachRemoteKernelOptions } from '../attach-remote-kernel.ts';
import { launchRemoteKernel } from '../launch-remote-kernel.ts';
import type { LaunchRemoteKernelOptions } from '../launch-remote-kernel.ts';
import type { RemoteResource } from '../remote-resource.ts';

export const connectionInfo: ConnectionInfo = {
  transport: 'tcp',
  ip: '10.0.0.7',
  shell_port: 5001,
  iopub_port: 5002,
  stdin_port: 5003,
  control_port: 5004,
  hb_port: 5005,
  key: 'secret',
  signature_scheme: 'hmac-sha256',
};

const commState: CommState = { version: 2, kernelId: 'k1', host: '10.0.0.7', port: 7000, key: 'a2V5', leaseMs: 1000 };

/** A resource that does as it is told and notes what was asked of it. */
class FakeResource implements RemoteResource {
  readonly calls: string[] = [];
  readonly ended: Promise<KernelExit>;
  readonly state = { id: 'r1' };
  removedWith: AbortSignal | undefined;
  onRemove: () => Promise<void> = () => Promise.resolve();
  onLiveness: Liveness = 'alive';
  stats?: () => Promise<KernelStats | undefined>;
  end: (exit: KernelExit) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  liveness(): Promise<Liveness> {
    return Promise.resolve(this.onLiveness);
  }

  signal(signum: number): Promise<void> {
    this.calls.push(`signal ${String(signum)}`);
    return Promise.resolve();
  }

  async remove(options: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    this.removedWith = options.signal;
    await this.onRemove();
    this.calls.push('remove');
  }

  logs(): Promise<string> {
    this.calls.push('logs');
    return Promise.resolve('last words');
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.calls.push('dispose');
    return Promise.resolve();
  }
}

class FakeComm implements CommChannel {
  readonly state = commState;
  readonly signals: number[] = [];
  shutdowns = 0;
  leases = 0;
  openedWith: CommState | undefined;
  onSignal: () => Promise<boolean> = () => Promise.resolve(true);
  onStatus: () => Promise<CommStatus | undefined> = () => Promise.resolve({ alive: true, logTail: '' });
  onAlive = true;

  async signal(signum: number): Promise<boolean> {
    const delivered = await this.onSignal();
    if (delivered) this.signals.push(signum);
    return delivered;
  }

  isAlive(): Promise<boolean> {
    return Promise.resolve(this.onAlive);
  }

  status(): Promise<CommStatus | undefined> {
    return this.onStatus();
  }

  shutdown(): Promise<void> {
    this.shutdowns += 1;
    return Promise.resolve();
  }

  holdLease(): Disposable {
    this.leases += 1;
    return {
      [Symbol.dispose]: () => {
        this.leases -= 1;
      },
    };
  }
}

interface RemoteBenchOptions {
  readonly timeoutMs?: number;
  readonly transportEncryption?: LaunchContext['transportEncryption'];
  readonly create?: () => Promise<FakeResource>;
  readonly way?: Pick<LaunchRemoteKernelOptions<FakeResource>, 'connect'>;
}

/** One launch of a remote kernel, with its resource, launcher and store in the hands of a test. */
export class RemoteBench {
  readonly resource = new FakeResource();
  readonly comm = new FakeComm();
  readonly checkpoints: ProvisionerState[] = [];
  readonly phases: string[] = [];
  readonly created: Promise<void>;
  readonly context: LaunchContext;
  readonly parameters: LauncherParameters = {
    public: { kernelId: 'k1', responseAddress: 'h:1', publicKey: 'rsa', portRange: '0..0' },
    secret: { launcherV2: 'v2-secret' },
  };
  isExpecting = false;
  readonly #options: RemoteBenchOptions;
  #answer: (answer: LauncherAnswer) => void = () => undefined;
  #onCreated: () => void = () => undefined;

  constructor(options: RemoteBenchOptions = {}) {
    this.#options = options;
    this.created = new Promise((resolve) => {
      this.#onCreated = resolve;
    });
    this.context = {
      instanceId: 'i1',
      kernelId: 'k1',
      incarnation: 1,
      owner: 'tester',
      kernelSpec: {
        name: 'remote',
        argv: [],
        env: {},
        displayName: 'Remote',
        language: 'python',
        interruptMode: 'signal',
        metadata: {},
        extra: {},
        provisioner: { provisionerName: 'remote-provisioner', config: {} },
      },
      env: {},
      deadline: Date.now() + (options.timeoutMs ?? 20_000),
      transportEncryption: options.transportEncryption ?? 'disabled',
      rendezvous: this.#rendezvous(),
      checkpoint: (state) => {
        this.checkpoints.push(state);
        return Promise.resolve();
      },
    };
  }

  get attachOptions(): Omit<AttachRemoteKernelOptions<FakeResource>, 'state'> {
    return {
      instanceId: 'i1',
      rendezvous: this.context.rendezvous,
      clock: systemClock,
      logger: silentLogger,
      signal: undefined,
      open: () => Promise.resolve(this.resource),
    };
  }

  async launch(options: LaunchOptions = {}): Promise<LaunchedKernel> {
    const { create } = this.#options;
    return await launchRemoteKernel<FakeResource>({
      context: this.context,
      launch: { ...options, progress: ({ phase }) => this.phases.push(phase) },
      clock: systemClock,
      logger: silentLogger,
      create: async (_parameters, { checkpoint, progress }) => {
        if (create !== undefined) return await create();
        progress({ phase: 'starting' });
        await checkpoint({ id: 'r1' });
        this.#onCreated();
        return this.resource;
      },
      ...this.#options.way,
    });
  }

  answer(): void {
    const { comm } = this;
    this.#answer({ connection: connectionInfo, version: 2, peerAddress: '10.0.0.7', comm });
  }

  async running(): Promise<LaunchedKernel> {
    const launching = this.launch();
    await this.created;
    this.answer();
    return await launching;
  }

  #rendezvous(): LaunchContext['rendezvous'] {
    return {
      expect: () => {
        this.isExpecting = true;
        return Promise.resolve({
          parameters: this.parameters,
          answer: new Promise<LauncherAnswer>((resolve) => {
            this.#answer = resolve;
          }),
          [Symbol.asyncDispose]: () => {
            this.isExpecting = false;
            return Promise.resolve();
          },
        });
      },
      openComm: (state) => {
        this.comm.openedWith = state;
        return Promise.resolve(this.comm);
      },
    };
  }
}
