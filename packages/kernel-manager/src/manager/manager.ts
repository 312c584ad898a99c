import {
  ProvisionerError,
  buildKernelEnv,
  isProvisionerError,
  raceSignal,
  withDeadline,
} from '@gateway-provisioners/core';
import type { CallOptions, Cancellation, ImageOffer, KernelProvisioner, KernelSpec } from '@gateway-provisioners/core';
import type { OpenChannels } from '../life/channels.ts';
import { launchTimeoutOf } from '../life/launch-timeout.ts';
import { ManagedKernel } from '../life/managed-kernel.ts';
import type { ManagedKernelOptions } from '../life/managed-kernel.ts';
import type { KernelManagerOptions } from '../options.ts';
import { resolveSettings } from '../settings.ts';
import type { ManagerSettings } from '../settings.ts';
import type { KernelStore } from '../store/kernel-store.ts';
import { RecordKeeper } from '../store/record-keeper.ts';
import type {
  Kernel,
  KernelEvents,
  KernelImagesOptions,
  KernelManager,
  RecoveryReport,
  StartKernelOptions,
} from '../types.ts';
import { Culler } from './culler.ts';
import { checkLimits } from './kernel-limits.ts';
import type { ManagerSources } from './manager-sources.ts';
import { Recovery } from './recovery.ts';
import { checkStart } from './start-inputs.ts';
import type { StartInputs } from './start-inputs.ts';

export interface ManagerParts {
  readonly options: KernelManagerOptions;
  readonly store: KernelStore;
  readonly sources: ManagerSources;
  readonly instanceId: string;
  readonly openChannels: OpenChannels;
}

type Listeners = { readonly [E in keyof KernelEvents]: Set<(value: KernelEvents[E]) => void> };

export class Manager implements KernelManager {
  readonly instanceId: string;
  readonly #parts: ManagerParts;
  readonly #settings: ManagerSettings;
  readonly #culler: Culler;
  readonly #kernels = new Map<string, ManagedKernel>();
  /** Ids that are being started and have no kernel yet, with their owners. */
  readonly #reserved = new Map<string, string>();
  readonly #listeners: Listeners = { changed: new Set(), removed: new Set() };
  #recovery: Promise<RecoveryReport> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: ManagerParts) {
    this.#parts = parts;
    this.instanceId = parts.instanceId;
    this.#settings = resolveSettings(parts.options);
    this.#culler = new Culler({ settings: this.#settings, kernels: () => this.list() });
  }

  async start(options: StartKernelOptions = {}): Promise<Kernel> {
    this.#assertOpen();
    const startedAt = this.#settings.clock.now();
    const inputs = checkStart(options);
    // Checked and taken in one go: two starts cannot share the last place.
    if (this.#kernels.has(inputs.kernelId) || this.#reserved.has(inputs.kernelId)) throw idInUse(inputs.kernelId);
    checkLimits(inputs.owner, this.#owners(), this.#settings);
    this.#reserved.set(inputs.kernelId, inputs.owner);
    let kernel: ManagedKernel;
    let timeoutMs: number;
    try {
      kernel = await this.#prepare(options, inputs);
      timeoutMs = inputs.timeoutMs ?? launchTimeoutOf({ kernelSpec: kernel.kernelSpec, settings: this.#settings });
      this.#assertOpen();
      this.#kernels.set(kernel.id, kernel);
    } finally {
      this.#reserved.delete(inputs.kernelId);
    }
    this.#culler.start();
    this.#emit('changed', kernel);
    const spentMs = this.#settings.clock.now() - startedAt;
    try {
      await kernel.start({
        timeoutMs: Math.max(1, timeoutMs - spentMs),
        signal: options.signal,
        until: options.until ?? 'ready',
      });
    } catch (error) {
      // A record of that id that is not ours to replace: another kernel's, not attached to yet.
      if (isProvisionerError(error, 'RECORD_CONFLICT')) throw idInUse(inputs.kernelId, error);
      throw error;
    }
    return kernel;
  }

  get(kernelId: string): Kernel | undefined {
    return this.#kernels.get(kernelId);
  }

  async images({ name, owner, signal }: KernelImagesOptions = {}): Promise<readonly ImageOffer[]> {
    this.#assertOpen();
    const { clock, launchTimeoutMs: timeoutMs } = this.#settings;
    return await withDeadline({ signal, timeoutMs, what: 'images of the kernelspec', clock }, async (scope) => {
      const { spec, provisioner } = await this.#resolve(name, scope.signal);
      const inputs = checkStart({ owner });
      const request = { owner: inputs.owner, kernelSpec: spec, env: this.#envOf(spec, inputs) };
      return (await provisioner.images?.(request, { signal: scope.signal })) ?? [];
    });
  }

  list(): readonly Kernel[] {
    return [...this.#kernels.values()];
  }

  async recover(options: CallOptions = {}): Promise<RecoveryReport> {
    this.#assertOpen();
    const { store, sources } = this.#parts;
    this.#recovery ??= new Recovery({
      instanceId: this.instanceId,
      store,
      registry: sources.registry,
      kernelspecs: sources.kernelspecs,
      settings: this.#settings,
      incarnationOf: (kernelId) => {
        if (this.#reserved.has(kernelId)) return 'starting';
        const kernel = this.#kernels.get(kernelId);
        return kernel?.phase === 'launching' || kernel?.phase === 'restarting' ? 'starting' : kernel?.incarnation;
      },
      adopt: (parts) => {
        const kernel = new ManagedKernel({ ...parts, ...this.#wiring(parts.records.record.kernelId) });
        this.#kernels.set(kernel.id, kernel);
        this.#culler.start();
        this.#emit('changed', kernel);
        return kernel;
      },
    })
      .run(options)
      .finally(() => {
        this.#recovery = undefined;
      });
    return await this.#recovery;
  }

  subscribe<E extends keyof KernelEvents>(event: E, listener: (value: KernelEvents[E]) => void): Cancellation {
    const listeners: Set<(value: KernelEvents[E]) => void> = this.#listeners[event];
    const entry = (value: KernelEvents[E]): void => {
      listener(value);
    };
    listeners.add(entry);
    return () => {
      listeners.delete(entry);
    };
  }

  async close(options: CallOptions & { readonly kernels: 'keep' | 'end' }): Promise<void> {
    this.#closing ??= this.#close(options.kernels);
    await raceSignal(this.#closing, options.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ kernels: 'end' });
  }

  async #close(kernels: 'keep' | 'end'): Promise<void> {
    this.#culler.stop();
    await this.#recovery?.catch(() => undefined);
    const results = await Promise.allSettled(
      [...this.#kernels.values()].map((kernel) => (kernels === 'end' ? kernel.shutdown() : kernel.release())),
    );
    await this.#parts.sources.release(kernels);
    await this.#parts.store[Symbol.asyncDispose]();
    const failures = results.filter((result) => result.status === 'rejected').map((result): unknown => result.reason);
    if (failures.length > 0) throw new AggregateError(failures, 'some kernels could not be ended or let go of');
  }

  async #prepare(options: StartKernelOptions, inputs: StartInputs): Promise<ManagedKernel> {
    const { clock, launchTimeoutMs } = this.#settings;
    const { spec, provisioner } = await withDeadline(
      {
        signal: options.signal,
        timeoutMs: inputs.timeoutMs ?? launchTimeoutMs,
        what: 'kernelspec and provisioner',
        clock,
      },
      (scope) => this.#resolve(options.name, scope.signal),
    );
    const env = this.#envOf(spec, inputs);
    const now = clock.now();
    const record = {
      kernelId: inputs.kernelId,
      instanceId: this.instanceId,
      owner: inputs.owner,
      phase: 'launching' as const,
      incarnation: 1,
      createdAt: now,
      lastActivity: now,
      kernelSpec: spec,
      launch: { env, cwd: inputs.cwd },
    };
    return new ManagedKernel({
      kernelSpec: spec,
      provisioner,
      records: new RecordKeeper(this.#parts.store, record, 0),
      onProgress: options.progress,
      ...this.#wiring(inputs.kernelId),
    });
  }

  async #resolve(
    name: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly spec: KernelSpec; readonly provisioner: KernelProvisioner }> {
    const { kernelspecs, registry } = this.#parts.sources;
    const spec = await kernelspecs.find(name ?? (await kernelspecs.defaultName({ signal })), { signal });
    const { provisionerName, config } = spec.provisioner;
    return { spec, provisioner: await registry.provisionerFor(provisionerName, config, { signal }) };
  }

  #envOf(spec: KernelSpec, inputs: StartInputs): Readonly<Record<string, string>> {
    const { env: hostEnv, inheritedEnv, allowedRequestEnv } = this.#settings;
    return buildKernelEnv({
      kernelId: inputs.kernelId,
      language: spec.language,
      username: inputs.owner,
      hostEnv,
      inherited: inheritedEnv,
      specEnv: spec.env,
      requestEnv: inputs.env,
      allowedRequestNames: allowedRequestEnv,
    });
  }

  #wiring(
    kernelId: string,
  ): Pick<ManagedKernelOptions, 'settings' | 'logger' | 'openChannels' | 'onChanged' | 'onRemoved' | 'admit'> {
    return {
      settings: this.#settings,
      logger: this.#settings.logger.child({ kernelId }),
      openChannels: this.#parts.openChannels,
      onChanged: (kernel) => {
        if (this.#kernels.get(kernel.id) === kernel) this.#emit('changed', kernel);
      },
      onRemoved: (kernel) => {
        this.#kernels.delete(kernel.id);
        this.#emit('removed', kernel);
      },
      admit: (kernel) => {
        checkLimits(kernel.owner, this.#owners(), this.#settings);
      },
    };
  }

  /** One entry for each kernel that has, or is about to have, resources. */
  #owners(): readonly string[] {
    const running = [...this.#kernels.values()].filter((kernel) => kernel.phase !== 'ended');
    return [...running.map((kernel) => kernel.owner), ...this.#reserved.values()];
  }

  #emit<E extends keyof KernelEvents>(event: E, value: KernelEvents[E]): void {
    const listeners: Set<(value: KernelEvents[E]) => void> = this.#listeners[event];
    for (const listener of [...listeners]) listener(value);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ProvisionerError('INVALID_STATE', 'the kernel manager was closed');
  }
}

function idInUse(kernelId: string, cause?: unknown): ProvisionerError {
  return new ProvisionerError('KERNEL_ID_IN_USE', 'a kernel of that id is running or starting', {
    coordinates: { kernelId },
    ...(cause === undefined ? {} : { cause }),
  });
}
