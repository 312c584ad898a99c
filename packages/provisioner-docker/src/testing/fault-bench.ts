import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import type {
  JsonObject,
  KernelProvisioner,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  Rendezvous,
} from '@gateway-provisioners/core';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { TestKernelClient } from '@gateway-provisioners/testkit';
import { dockerProvisioner } from '../index.ts';
import {
  LazyRendezvous,
  containersOf,
  hostEnv,
  launcherSpec,
  openTestEngine,
  pythonLauncherArgv,
} from './docker-bench.ts';

export interface FaultBenchOptions {
  readonly config?: JsonObject;
  /** Environment of the gateway. Default: where the engine is. */
  readonly hostEnv?: Readonly<Record<string, string | undefined>>;
  readonly rendezvous?: Rendezvous;
}

/** One provisioner on the real engine; at the end everything is removed, and what the provisioner left is an error. */
export class FaultBench implements AsyncDisposable {
  readonly provisioner: KernelProvisioner;
  readonly engine: DockerEngine;
  readonly #runtimeDir: string;
  readonly #instanceId: string;
  readonly #rendezvous: Rendezvous;
  readonly #ownRendezvous: AsyncDisposable | undefined;
  readonly #contexts: LaunchContext[] = [];
  readonly #clients: AsyncDisposable[] = [];

  private constructor(parts: {
    readonly provisioner: KernelProvisioner;
    readonly engine: DockerEngine;
    readonly runtimeDir: string;
    readonly instanceId: string;
    readonly rendezvous: Rendezvous;
    readonly ownRendezvous: AsyncDisposable | undefined;
  }) {
    this.provisioner = parts.provisioner;
    this.engine = parts.engine;
    this.#runtimeDir = parts.runtimeDir;
    this.#instanceId = parts.instanceId;
    this.#rendezvous = parts.rendezvous;
    this.#ownRendezvous = parts.ownRendezvous;
  }

  static async open(options: FaultBenchOptions = {}): Promise<FaultBench> {
    const own = options.rendezvous === undefined ? new LazyRendezvous() : undefined;
    const rendezvous = options.rendezvous ?? own;
    if (rendezvous === undefined) throw new Error('no rendezvous');
    const runtimeDir = await mkdtemp(join(tmpdir(), 'gp-docker-'));
    const instanceId = `faults-${randomUUID().slice(0, 8)}`;
    const env = { ...(options.hostEnv ?? hostEnv) };
    const services = { instanceId, logger: silentLogger, clock: systemClock, runtimeDir, env, rendezvous };
    const config = { image_name: 'gp-test/kernel-py', ...options.config };
    const provisioner = await dockerProvisioner.createChecked(services, config);
    const engine = await openTestEngine(env);
    return new FaultBench({ provisioner, engine, runtimeDir, instanceId, rendezvous, ownRendezvous: own });
  }

  context(overrides: Partial<LaunchContext> = {}): LaunchContext {
    const context: LaunchContext = {
      instanceId: this.#instanceId,
      kernelId: randomUUID(),
      incarnation: 1,
      owner: 'alice',
      kernelSpec: launcherSpec(pythonLauncherArgv),
      env: {},
      deadline: systemClock.now() + 90_000,
      transportEncryption: 'disabled',
      rendezvous: this.#rendezvous,
      checkpoint: () => Promise.resolve(),
      ...overrides,
    };
    this.#contexts.push(context);
    return context;
  }

  async launch(overrides: Partial<LaunchContext> = {}, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    return await this.provisioner.launch(this.context(overrides), options);
  }

  async connect(kernel: LaunchedKernel): Promise<TestKernelClient> {
    const { connection } = kernel;
    const signal = new AbortController().signal;
    const client = await TestKernelClient.open({ connection, signal, timeoutMs: 60_000 });
    this.#clients.push(client);
    return client;
  }

  /** What is left of kernels of this bench: containers, and files of ours. */
  async leftovers(): Promise<readonly string[]> {
    const containers = await Promise.all(this.#contexts.map((context) => containersOf(this.engine, context)));
    const files = await readdir(this.#runtimeDir, { recursive: true });
    return [...containers.flat(), ...files.filter((file) => file.endsWith('.json') || file.endsWith('.new'))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]();
    const { resources, unreachable } = await this.provisioner.list();
    for (const resource of resources) await this.provisioner.reap(resource);
    await this.provisioner[Symbol.asyncDispose]();
    const left = unreachable.length > 0 ? [] : await this.leftovers();
    await this.engine[Symbol.asyncDispose]();
    await this.#ownRendezvous?.[Symbol.asyncDispose]();
    await rm(this.#runtimeDir, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  }
}
