import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import type {
  Clock,
  JsonObject,
  KernelProvisioner,
  KernelSpec,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  ProvisionerDefinition,
  ProvisionerServices,
  Rendezvous,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { TestKernelClient } from './test-kernel-client.ts';

export interface LaunchBenchOptions {
  readonly definition: ProvisionerDefinition;
  readonly config: JsonObject;
  /** Environment of the gateway: where the engine is. */
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly kernelSpec: KernelSpec;
  readonly rendezvous: Rendezvous;
  /** Of the provisioner. Default: this machine's time. */
  readonly clock?: Clock | undefined;
  /** Names of what exists of that owner in the backend. */
  readonly leftovers: (owner: ResourceOwner) => Promise<readonly string[]>;
}

/** One provisioner on a real backend; at the end everything is removed, and what the provisioner left is an error. */
export class LaunchBench implements AsyncDisposable {
  readonly provisioner: KernelProvisioner;
  readonly instanceId: string;
  readonly #options: LaunchBenchOptions;
  readonly #runtimeDir: string;
  readonly #contexts: LaunchContext[] = [];
  readonly #clients: AsyncDisposable[] = [];

  private constructor(
    options: LaunchBenchOptions,
    made: { readonly provisioner: KernelProvisioner; readonly services: ProvisionerServices },
  ) {
    this.provisioner = made.provisioner;
    this.instanceId = made.services.instanceId;
    this.#options = options;
    this.#runtimeDir = made.services.runtimeDir;
  }

  static async open(options: LaunchBenchOptions): Promise<LaunchBench> {
    const services = {
      instanceId: `bench-${randomUUID().slice(0, 8)}`,
      logger: silentLogger,
      clock: options.clock ?? systemClock,
      runtimeDir: await mkdtemp(join(tmpdir(), 'gp-bench-')),
      env: options.hostEnv,
      rendezvous: options.rendezvous,
    };
    const provisioner = await options.definition.createChecked(services, options.config);
    return new LaunchBench(options, { provisioner, services });
  }

  context(overrides: Partial<LaunchContext> = {}): LaunchContext {
    const context: LaunchContext = {
      instanceId: this.instanceId,
      kernelId: randomUUID(),
      incarnation: 1,
      owner: 'alice',
      kernelSpec: this.#options.kernelSpec,
      env: {},
      deadline: systemClock.now() + 90_000,
      transportEncryption: 'disabled',
      rendezvous: this.#options.rendezvous,
      checkpoint: () => Promise.resolve(),
      ...overrides,
    };
    this.#contexts.push(context);
    return context;
  }

  async launch(overrides: Partial<LaunchContext> = {}, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    return await this.provisioner.launch(this.context(overrides), options);
  }

  /** Closed at the end. */
  async connect({ connection }: LaunchedKernel): Promise<TestKernelClient> {
    const { signal } = new AbortController();
    const client = await TestKernelClient.open({ connection, signal, timeoutMs: 60_000 });
    this.#clients.push(client);
    return client;
  }

  /** What is left of kernels of this bench: in the backend, and files of ours. */
  async leftovers(): Promise<readonly string[]> {
    const found = await Promise.all(this.#contexts.map(async (context) => await this.#options.leftovers(context)));
    const files = await readdir(this.#runtimeDir, { recursive: true });
    return [...found.flat(), ...files.filter((file) => file.endsWith('.json') || file.endsWith('.new'))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    const { resources, unreachable } = await this.provisioner.list();
    for (const resource of resources) await this.provisioner.reap(resource);
    await this.provisioner[Symbol.asyncDispose]();
    const left = unreachable.length > 0 ? [] : await this.leftovers();
    await rm(this.#runtimeDir, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  }
}
