import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  OWNER_VARIABLE,
  ResourceStack,
  findMarkedProcesses,
  formatOwner,
  noRendezvous,
  silentLogger,
  systemClock,
} from '@gateway-provisioners/core';
import type {
  Clock,
  KernelProvisioner,
  KernelSpec,
  LaunchContext,
  LaunchedKernel,
  ProvisionerServices,
  ProvisionerState,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { until as untilTrue } from '@gateway-provisioners/core/testing';
import { TestKernelClient } from '@gateway-provisioners/testkit';
import { localProvisioner } from '../index.ts';

export const testEnv = { PATH: '/usr/bin:/bin', HOME: '/tmp' };

/** A runtime folder, a provisioner, and what is needed to launch kernels with it; all ended on disposal. */
export class LocalBench implements AsyncDisposable {
  readonly runtimeDir: string;
  readonly provisioner: KernelProvisioner;
  readonly services: ProvisionerServices;
  readonly checkpoints: ProvisionerState[] = [];
  readonly #stack: ResourceStack;

  private constructor(services: ProvisionerServices, provisioner: KernelProvisioner, stack: ResourceStack) {
    this.services = services;
    this.runtimeDir = services.runtimeDir;
    this.provisioner = provisioner;
    this.#stack = stack;
  }

  static async open(options: { config?: object; folderName?: string; clock?: Clock } = {}): Promise<LocalBench> {
    const stack = new ResourceStack();
    const runtimeDir = await mkdtemp(join(tmpdir(), options.folderName ?? 'gp-local-'));
    stack.defer(() => rm(runtimeDir, { recursive: true, force: true }));
    const services: ProvisionerServices = {
      instanceId: `local-${randomUUID().slice(0, 8)}`,
      logger: silentLogger,
      clock: options.clock ?? systemClock,
      runtimeDir,
      env: testEnv,
      rendezvous: noRendezvous,
    };
    const provisioner = stack.use(await localProvisioner.createChecked(services, options.config ?? {}));
    return new LocalBench(services, provisioner, stack);
  }

  context(kernelSpec: KernelSpec, overrides: Partial<LaunchContext> = {}): LaunchContext {
    return {
      instanceId: this.services.instanceId,
      kernelId: randomUUID(),
      incarnation: 1,
      owner: 'tester',
      kernelSpec,
      env: { ...testEnv, ...kernelSpec.env },
      deadline: systemClock.now() + 60_000,
      transportEncryption: 'disabled',
      rendezvous: noRendezvous,
      checkpoint: (state) => {
        this.checkpoints.push(state);
        return Promise.resolve();
      },
      ...overrides,
    };
  }

  async launch(context: LaunchContext): Promise<LaunchedKernel> {
    const kernel = await this.provisioner.launch(context);
    this.#stack.defer(() => kernel.kill());
    return kernel;
  }

  async connect(kernel: LaunchedKernel): Promise<TestKernelClient> {
    const { connection } = kernel;
    return this.#stack.use(await TestKernelClient.open({ connection, timeoutMs: 60_000 }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Pids of live processes that carry the marker of a kernel. */
export async function pidsOf(owner: ResourceOwner): Promise<readonly number[]> {
  return (await findMarkedProcesses(OWNER_VARIABLE, { value: formatOwner(owner) })).map(({ pid }) => pid);
}

/** Waits until `check` holds; fails after 25 s. */
export async function until(check: () => Promise<boolean>): Promise<void> {
  await untilTrue('the condition to hold', check, { timeoutMs: 25_000, everyMs: 20 });
}
