import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResourceStack, silentLogger, systemClock } from '@gateway-provisioners/core';
import type {
  JsonObject,
  KernelProvisioner,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  ProvisionerServices,
  ProvisionerState,
} from '@gateway-provisioners/core';
import { TestKernelClient, createTestRendezvous } from '@gateway-provisioners/testkit';
import { distributedProvisioner } from '../index.ts';
import { baseConfig, pythonSpec, testbed } from './ssh-testbed.ts';

/** A provisioner on the testbed and what was launched with it; all ended on disposal. */
export class SshBench implements AsyncDisposable {
  readonly provisioner: KernelProvisioner;
  readonly states: ProvisionerState[] = [];
  readonly #services: ProvisionerServices;
  readonly #config: JsonObject;
  readonly #stack: ResourceStack;

  private constructor(
    services: ProvisionerServices,
    provisioner: KernelProvisioner,
    rest: { readonly config: JsonObject; readonly stack: ResourceStack },
  ) {
    this.#services = services;
    this.provisioner = provisioner;
    this.#config = rest.config;
    this.#stack = rest.stack;
  }

  static async open(
    settings: JsonObject,
    options: { readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<SshBench> {
    const stack = new ResourceStack();
    const runtimeDir = await mkdtemp(join(tmpdir(), 'gp-ssh-'));
    stack.defer(() => rm(runtimeDir, { recursive: true, force: true }));
    const services: ProvisionerServices = {
      instanceId: `ssh-${randomUUID().slice(0, 8)}`,
      logger: silentLogger,
      clock: systemClock,
      runtimeDir,
      env: { HOME: '/nonexistent', USER: 'nobody', ...options.env },
      rendezvous: stack.use(await createTestRendezvous({ address: testbed.gatewayIp })),
    };
    const config = { ...baseConfig, ...settings };
    const provisioner = stack.use(await distributedProvisioner.createChecked(services, config));
    return new SshBench(services, provisioner, { config, stack });
  }

  /** Another provisioner of the same gateway, as after a restart. */
  async restarted(): Promise<KernelProvisioner> {
    const services = { ...this.#services, env: { ...this.#services.env } };
    return this.#stack.use(await distributedProvisioner.createChecked(services, this.#config));
  }

  /** A provisioner for another kernelspec of the same gateway. */
  async sibling(settings: JsonObject): Promise<KernelProvisioner> {
    const config = { ...this.#config, ...settings };
    return this.#stack.use(await distributedProvisioner.createChecked(this.#services, config));
  }

  context(overrides: Partial<LaunchContext> = {}): LaunchContext {
    return {
      instanceId: this.#services.instanceId,
      kernelId: randomUUID(),
      incarnation: 1,
      owner: 'tester',
      kernelSpec: pythonSpec,
      env: {},
      deadline: systemClock.now() + 240_000,
      transportEncryption: 'disabled',
      rendezvous: this.#services.rendezvous,
      checkpoint: (state) => {
        this.states.push(state);
        return Promise.resolve();
      },
      ...overrides,
    };
  }

  async launch(overrides: Partial<LaunchContext> = {}, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    const kernel = await this.provisioner.launch(this.context(overrides), options);
    this.#stack.defer(() => kernel.kill());
    return kernel;
  }

  async connect(kernel: LaunchedKernel): Promise<TestKernelClient> {
    return this.#stack.use(await TestKernelClient.open({ connection: kernel.connection, timeoutMs: 120_000 }));
  }

  /** What a kernel says its host is called. */
  async hostNameOf(kernel: LaunchedKernel): Promise<string> {
    const client = await this.connect(kernel);
    return (await client.execute('import socket; print(socket.gethostname())')).output.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
