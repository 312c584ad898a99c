import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ResourceStack,
  delay,
  errorMessage,
  noRendezvous,
  silentLogger,
  systemClock,
  withDeadline,
} from '@gateway-provisioners/core';
import type {
  JsonObject,
  KernelExit,
  KernelProvisioner,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  ProvisionerServices,
  ProvisionerState,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { TestKernelClient } from '../test-kernel-client.ts';
import type { ConformanceOptions } from './conformance-options.ts';
import { fakeKernelLanguage } from './kernel-language.ts';
import type { KernelLanguage } from './kernel-language.ts';

/** A context that remembers what was checkpointed. */
export interface RecordedContext {
  readonly context: LaunchContext;
  /** States in the order in which they were stored. */
  readonly checkpoints: readonly ProvisionerState[];
}

export interface ContextOverrides extends Partial<LaunchContext> {
  /** Runs before each checkpoint is taken; index 0 is the first. */
  readonly onCheckpoint?: (index: number) => void | Promise<void>;
}

/** What one case works with; disposing of it ends everything that the case started and checks that nothing is left. */
export class ConformanceBench implements AsyncDisposable {
  readonly options: ConformanceOptions;
  readonly language: KernelLanguage;
  readonly signal: AbortSignal;
  readonly instanceId = `conformance-${randomUUID().slice(0, 8)}`;
  readonly runtimeDir: string;
  readonly launchTimeoutMs: number;
  readonly #stack: ResourceStack;
  readonly #owners: ResourceOwner[] = [];
  readonly #held = new Set<LaunchedKernel>();

  private constructor(
    options: ConformanceOptions,
    runtime: { dir: string; signal: AbortSignal; stack: ResourceStack },
  ) {
    this.options = options;
    this.language = options.language ?? fakeKernelLanguage;
    this.launchTimeoutMs = options.launchTimeoutMs ?? 30_000;
    this.runtimeDir = runtime.dir;
    this.signal = runtime.signal;
    this.#stack = runtime.stack;
  }

  static async open(options: ConformanceOptions, signal: AbortSignal): Promise<ConformanceBench> {
    const dir = await mkdtemp(join(tmpdir(), 'gp-conformance-'));
    return new ConformanceBench(options, { dir, signal, stack: new ResourceStack() });
  }

  services(instanceId: string = this.instanceId): ProvisionerServices {
    const defaults: ProvisionerServices = {
      instanceId,
      logger: silentLogger,
      clock: systemClock,
      runtimeDir: this.runtimeDir,
      env: this.options.hostEnv ?? this.options.env,
      rendezvous: this.options.rendezvous ?? noRendezvous,
    };
    return this.options.services?.(defaults) ?? defaults;
  }

  /** A new provisioner object, as another process would make it; disposed of at the end. */
  async provisioner(instanceId: string = this.instanceId): Promise<KernelProvisioner> {
    return this.#stack.use(await this.#observer(instanceId));
  }

  /** One with more settings. */
  async provisionerWith(config: JsonObject): Promise<KernelProvisioner> {
    const { definition, config: usual } = this.options;
    return this.#stack.use(await definition.createChecked(this.services(), { ...usual, ...config }));
  }

  context(overrides: ContextOverrides = {}): RecordedContext {
    const checkpoints: ProvisionerState[] = [];
    const { onCheckpoint, ...rest } = overrides;
    const context: LaunchContext = {
      instanceId: this.instanceId,
      kernelId: randomUUID(),
      incarnation: 1,
      owner: 'conformance',
      kernelSpec: this.options.kernelSpec,
      env: this.options.env,
      deadline: systemClock.now() + this.launchTimeoutMs,
      transportEncryption: 'disabled',
      rendezvous: this.options.rendezvous ?? noRendezvous,
      async checkpoint(state) {
        const index = checkpoints.length;
        // What is stored is text: a state that JSON changes would not be found again.
        const stored: unknown = JSON.parse(JSON.stringify(state));
        assert.deepEqual(stored, state, 'state given to checkpoint() must survive JSON');
        checkpoints.push(state);
        await onCheckpoint?.(index);
      },
      ...rest,
    };
    this.#owners.push(context);
    return { context, checkpoints };
  }

  /** Launches, and kills at the end. */
  async launch(
    provisioner: KernelProvisioner,
    context: LaunchContext = this.context().context,
    options: LaunchOptions = { signal: this.signal },
  ): Promise<LaunchedKernel> {
    return this.adopt(await provisioner.launch(context, options));
  }

  /** Kills at the end. */
  adopt(kernel: LaunchedKernel): LaunchedKernel {
    this.#held.add(kernel);
    this.#stack.defer(async () => {
      if (!this.#held.has(kernel)) return;
      await kernel.kill();
      await kernel[Symbol.asyncDispose]();
    });
    return kernel;
  }

  /** Disposes of a kernel now: nothing more may be asked of it. */
  async letGo(kernel: LaunchedKernel): Promise<void> {
    this.#held.delete(kernel);
    await kernel[Symbol.asyncDispose]();
  }

  /** Launches without holding it: whoever launched disposes of it, and it is reaped at the end. */
  async launchUnheld(provisioner: KernelProvisioner, context: LaunchContext): Promise<LaunchedKernel> {
    const kernel = await provisioner.launch(context, { signal: this.signal });
    this.#stack.defer(async () => {
      await using reaper = await this.#observer(context.instanceId);
      const { instanceId, kernelId, incarnation } = context;
      await reaper.reap({ id: kernelId, instanceId, kernelId, incarnation, state: kernel.state });
    });
    return kernel;
  }

  /** A client that has shaken hands; closed at the end. */
  async connect(kernel: LaunchedKernel): Promise<TestKernelClient> {
    const { connection } = kernel;
    const client = TestKernelClient.open({ connection, signal: this.signal, timeoutMs: this.launchTimeoutMs });
    return this.#stack.use(await client);
  }

  /** Settles with the kernel's end, within 20 s. */
  async exitOf(kernel: LaunchedKernel): Promise<KernelExit> {
    return await this.within(kernel.exited, { what: 'exited to settle' });
  }

  async within<T>(promise: Promise<T>, options: { readonly what: string; readonly timeoutMs?: number }): Promise<T> {
    const { what, timeoutMs = 20_000 } = options;
    return await withDeadline({ signal: this.signal, what, timeoutMs }, () => promise);
  }

  /** Waits until `check` returns no complaint; fails with the last complaint. */
  async eventually(check: () => Promise<string | undefined>, timeoutMs = 20_000): Promise<void> {
    const endsAt = systemClock.now() + timeoutMs;
    for (let pauseMs = 5; ; pauseMs = Math.min(200, pauseMs * 2)) {
      const complaint = await check();
      if (complaint === undefined) return;
      if (systemClock.now() >= endsAt) assert.fail(complaint);
      await delay(pauseMs, { signal: this.signal });
    }
  }

  /** Fails when the backend still has something of these owners; default: of all that were used in this case. */
  async assertNothingLeft(owners: readonly ResourceOwner[] = this.#owners): Promise<void> {
    const instances = new Set(owners.map((owner) => owner.instanceId));
    const left: string[] = [];
    for (const instanceId of instances) {
      await using observer = await this.#observer(instanceId);
      const { resources } = await observer.list();
      const known = new Set(owners.map((owner) => owner.kernelId));
      left.push(...resources.filter((resource) => known.has(resource.kernelId)).map((resource) => resource.id));
    }
    const look = this.options.leftovers ?? pathsOfKernel;
    for (const owner of owners) left.push(...(await look(owner, this.services(owner.instanceId))));
    assert.deepEqual(left, [], `left behind: ${left.join(', ')}`);
  }

  async makeFolder(name: string): Promise<string> {
    const path = join(this.runtimeDir, name);
    await mkdir(path);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    try {
      await this.#stack[Symbol.asyncDispose]();
    } catch (error) {
      failures.push(error);
    }
    try {
      await this.assertNothingLeft();
    } catch (error) {
      failures.push(error);
      await this.#reapAll();
    }
    await rm(this.runtimeDir, { recursive: true, force: true });
    if (failures.length > 0) {
      throw new AggregateError(failures, `cleaning up after the case: ${failures.map(errorMessage).join('; ')}`);
    }
  }

  #observer(instanceId: string): Promise<KernelProvisioner> {
    return this.options.definition.createChecked(this.services(instanceId), this.options.config ?? {});
  }

  /** A failed case must not disturb the next one. */
  async #reapAll(): Promise<void> {
    for (const instanceId of new Set(this.#owners.map((owner) => owner.instanceId))) {
      await using reaper = await this.#observer(instanceId);
      for (const resource of (await reaper.list()).resources) await reaper.reap(resource);
    }
  }
}

async function pathsOfKernel(owner: ResourceOwner, services: ProvisionerServices): Promise<readonly string[]> {
  const paths = await readdir(services.runtimeDir, { recursive: true });
  return paths.filter((path) => path.includes(owner.kernelId));
}
