import { randomUUID } from 'node:crypto';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { ImageOffer, KernelExit, KernelSpec, LaunchProgress } from '@gateway-provisioners/core';
import type {
  CloseClientOptions,
  ConnectOptions,
  Execution,
  ExecutionState,
  Kernel,
  KernelClient,
  KernelImagesOptions,
  KernelModel,
  StartKernelOptions,
} from '@gateway-provisioners/kernel-manager';
import type { KernelMessage } from '@gateway-provisioners/wire';
import type { GatewayKernels } from '../gateway-options.ts';

type Removed = (kernel: Kernel) => void;

/** Kernels that exist in memory only. Tests reach in through `kernels` and {@link FakeKernel}. */
export class FakeKernels implements GatewayKernels {
  readonly kernels = new Map<string, FakeKernel>();
  readonly starts: StartKernelOptions[] = [];
  readonly #listeners = new Set<Removed>();
  /** Runs before a kernel is made: may throw, or wait. */
  beforeStart: (options: StartKernelOptions) => Promise<void> | void = () => undefined;

  /** What a backend offers: may throw, or wait. */
  offers: (options: KernelImagesOptions) => Promise<readonly ImageOffer[]> | readonly ImageOffer[] = () => [];

  /** From now on starts wait until they are cancelled. Resolves when one has begun to. */
  holdStarts(): Promise<void> {
    return new Promise((resolve) => {
      this.beforeStart = ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
          resolve();
        });
    });
  }

  async start(options: StartKernelOptions = {}): Promise<FakeKernel> {
    this.starts.push(options);
    await this.beforeStart(options);
    const id = options.kernelId ?? randomUUID();
    if (this.kernels.has(id)) throw new ProvisionerError('KERNEL_ID_IN_USE', `kernel ${id} exists`);
    const kernel = new FakeKernel({ id, name: options.name ?? 'python3', owner: options.owner ?? 'anonymous' }, () => {
      this.kernels.delete(id);
      for (const listener of this.#listeners) listener(kernel);
    });
    this.kernels.set(id, kernel);
    return kernel;
  }

  async images(options: KernelImagesOptions = {}): Promise<readonly ImageOffer[]> {
    return await this.offers(options);
  }

  get(kernelId: string): FakeKernel | undefined {
    return this.kernels.get(kernelId);
  }

  list(): readonly FakeKernel[] {
    return [...this.kernels.values()];
  }

  subscribe(event: 'changed' | 'removed', listener: Removed): () => void {
    if (event === 'removed') this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

export class FakeKernel implements Kernel {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly kernelSpec: KernelSpec;
  readonly phase = 'running';
  executionState: ExecutionState = 'idle';
  readonly lastActivity = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  readonly incarnation = 1;
  readonly exit: KernelExit | undefined = undefined;
  readonly progress: LaunchProgress = { phase: 'ready' };
  readonly info = {};
  readonly clients = new Set<FakeClient>();
  readonly calls: string[] = [];
  /** Makes the next calls fail. */
  failure: Error | undefined;
  readonly #onRemoved: () => void;

  constructor(fields: { readonly id: string; readonly name: string; readonly owner: string }, onRemoved: () => void) {
    this.id = fields.id;
    this.name = fields.name;
    this.owner = fields.owner;
    this.kernelSpec = {
      name: fields.name,
      argv: [],
      env: {},
      displayName: fields.name,
      language: 'fake',
      interruptMode: 'signal',
      metadata: {},
      extra: {},
      provisioner: { provisionerName: 'fake-provisioner', config: {} },
    };
    this.#onRemoved = onRemoved;
  }

  get connections(): number {
    return this.clients.size;
  }

  model(): KernelModel {
    return {
      id: this.id,
      name: this.name,
      last_activity: '2026-01-02T03:04:05.678000Z',
      execution_state: this.executionState,
      connections: this.connections,
    };
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  interrupt(): Promise<void> {
    return this.#record('interrupt');
  }

  restart(): Promise<void> {
    return this.#record('restart');
  }

  async shutdown(): Promise<void> {
    await this.#record('shutdown');
    for (const client of [...this.clients]) client.end('kernel-ended');
    this.#onRemoved();
  }

  connect(options: ConnectOptions): FakeClient {
    for (const client of this.clients) {
      if (client.sessionId !== undefined && client.sessionId === options.sessionId) client.end('replaced');
    }
    const client = new FakeClient(this, options);
    this.clients.add(client);
    return client;
  }

  /** To all clients, as iopub does. */
  emit(...messages: readonly KernelMessage[]): void {
    for (const client of this.clients) client.deliver(messages);
  }

  execute(): Execution {
    throw new ProvisionerError('INTERNAL', 'the gateway executes nothing itself');
  }

  logs(): Promise<string> {
    return Promise.resolve('');
  }

  stats(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #record(call: string): Promise<void> {
    this.calls.push(call);
    return this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure);
  }
}

/** A client whose queue is bounded by nothing: tests look at how much of it the sink has taken. */
export class FakeClient implements KernelClient {
  readonly kernel: FakeKernel;
  readonly sessionId: string | undefined;
  readonly sent: KernelMessage[] = [];
  readonly queue: KernelMessage[] = [];
  readonly dropped = { messages: 0, bytes: 0 };
  undelivered: readonly KernelMessage[] = [];
  /** Makes `send` throw. */
  refusal: Error | undefined;
  onSend: (message: KernelMessage) => void = () => undefined;
  #blocked = false;
  readonly #options: ConnectOptions;

  constructor(kernel: FakeKernel, options: ConnectOptions) {
    this.kernel = kernel;
    this.sessionId = options.sessionId;
    this.#options = options;
  }

  get queuedBytes(): number {
    return this.queue.reduce((sum, message) => sum + message.sizeBytes, 0);
  }

  get isBlocked(): boolean {
    return this.#blocked;
  }

  send(message: KernelMessage): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.sent.push(message);
    this.onSend(message);
  }

  deliver(messages: readonly KernelMessage[]): void {
    if (this.#blocked) this.queue.push(...messages);
    else this.#blocked = !this.#options.sink.write(messages);
  }

  resume(): void {
    this.#blocked = false;
    while (!this.#blocked && this.queue.length > 0) {
      this.#blocked = !this.#options.sink.write(this.queue.splice(0, 64));
    }
  }

  end(reason: 'kernel-ended' | 'replaced' | 'overflow' | 'closed'): void {
    this.#options.sink.end?.(reason);
    this.close();
  }

  close(options: CloseClientOptions = {}): void {
    if (!this.kernel.clients.delete(this)) return;
    this.undelivered = options.undelivered ?? [];
  }
}
