import type {
  Clock,
  JsonObject,
  KernelProvisioner,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  Rendezvous,
} from '@gateway-provisioners/core';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { LaunchBench } from '@gateway-provisioners/testkit';
import type { TestKernelClient } from '@gateway-provisioners/testkit';
import { dockerProvisioner } from '../index.ts';
import {
  containersOf,
  dockerRendezvous,
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
  /** Of the provisioner. Default: this machine's time. */
  readonly clock?: Clock;
}

/** A bench of this provisioner with the engine that it runs on. */
export class FaultBench implements AsyncDisposable {
  readonly engine: DockerEngine;
  readonly #bench: LaunchBench;
  readonly #rendezvous: AsyncDisposable;

  private constructor(bench: LaunchBench, engine: DockerEngine, rendezvous: AsyncDisposable) {
    this.#bench = bench;
    this.engine = engine;
    this.#rendezvous = rendezvous;
  }

  static async open(options: FaultBenchOptions = {}): Promise<FaultBench> {
    const own = dockerRendezvous();
    const env = { ...(options.hostEnv ?? hostEnv) };
    const engine = await openTestEngine(env);
    const bench = await LaunchBench.open({
      definition: dockerProvisioner,
      config: { image_name: 'gp-test/kernel-py', ...options.config },
      hostEnv: env,
      kernelSpec: launcherSpec(pythonLauncherArgv),
      rendezvous: options.rendezvous ?? own,
      clock: options.clock,
      leftovers: async (owner) => await containersOf(engine, owner),
    });
    return new FaultBench(bench, engine, own);
  }

  get provisioner(): KernelProvisioner {
    return this.#bench.provisioner;
  }

  context(overrides: Partial<LaunchContext> = {}): LaunchContext {
    return this.#bench.context(overrides);
  }

  async launch(overrides: Partial<LaunchContext> = {}, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    return await this.#bench.launch(overrides, options);
  }

  async connect(kernel: LaunchedKernel): Promise<TestKernelClient> {
    return await this.#bench.connect(kernel);
  }

  /** What is left of kernels of this bench: containers, and files of ours. */
  async leftovers(): Promise<readonly string[]> {
    return await this.#bench.leftovers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bench[Symbol.asyncDispose]();
    await this.engine[Symbol.asyncDispose]();
    await this.#rendezvous[Symbol.asyncDispose]();
  }
}

/** How code that sleeps ends when the kernel is interrupted. */
export async function interruptedStatus(kernel: LaunchedKernel, client: TestKernelClient): Promise<unknown> {
  const { reply } = await client.begin('print("runs", flush=True)\nimport time; time.sleep(600)', {
    timeoutMs: 60_000,
  });
  await kernel.interrupt();
  return (await reply).content['status'];
}
