import { canonicalJson, errorMessage, withDeadline } from '@gateway-provisioners/core';
import type {
  CallOptions,
  KernelProvisioner,
  KernelSpec,
  LaunchedKernel,
  OwnedResource,
  ProvisionerStanza,
} from '@gateway-provisioners/core';
import type { ManagedKernel, ManagedKernelOptions } from '../life/managed-kernel.ts';
import type { KernelSpecSource, ProvisionerSource } from '../options.ts';
import type { ManagerSettings } from '../settings.ts';
import type { KernelRecord, RecordedKernelSpec } from '../store/kernel-record.ts';
import type { KernelStore, StoredRecord } from '../store/kernel-store.ts';
import { RecordKeeper } from '../store/record-keeper.ts';
import type { RecoveryReport } from '../types.ts';

/** For one answer of a backend. */
const BACKEND_MS = 30_000;
/** A kernel whose channels are not open by then is attached all the same, and connected to when it can be. */
const CONNECT_MS = 5_000;

export interface RecoveryOptions {
  readonly instanceId: string;
  readonly store: KernelStore;
  readonly registry: ProvisionerSource;
  readonly kernelspecs: KernelSpecSource;
  readonly settings: ManagerSettings;
  /** What the manager has under this id now. */
  readonly incarnationOf: (kernelId: string) => number | 'starting' | undefined;
  readonly adopt: (
    parts: Pick<ManagedKernelOptions, 'kernelSpec' | 'provisioner' | 'records'>,
  ) => Pick<ManagedKernel, 'attach' | 'id' | 'resume'>;
}

/** After a restart of the process: attaches to what lives, forgets what is gone, removes what nobody claims. */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #attached: string[] = [];
  readonly #lost: string[] = [];
  readonly #reaped: string[] = [];
  readonly #unreachable: string[] = [];
  readonly #stanzas = new Map<string, ProvisionerStanza>();
  /** Records whose kernels are to be removed, once it is known that nothing of theirs is left. */
  readonly #toForget: { readonly records: RecordKeeper; readonly stanza: string }[] = [];

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  async run(options: CallOptions): Promise<RecoveryReport> {
    const { store, instanceId, settings } = this.#options;
    const { records, problems } = await store.list(options);
    for (const problem of problems) settings.logger.error('a record could not be read', { error: problem.message });
    const own = records.filter(({ record }) => record.instanceId === instanceId);
    await Promise.all(own.map((stored) => this.#recoverOne(stored, options)));
    await this.#collectStanzas(options);
    const swept = new Set<string>();
    await Promise.all(
      [...this.#stanzas].map(async ([key, stanza]) => {
        if (await this.#sweep(stanza, options)) swept.add(key);
      }),
    );
    // What a part that did not answer may hold, its record must keep findable.
    const gone = this.#toForget.filter(({ stanza }) => swept.has(stanza));
    await Promise.all(gone.map(({ records: keeper }) => keeper.remove()));
    return {
      attached: this.#attached,
      lost: this.#lost,
      reaped: [...new Set(this.#reaped)],
      unreachable: [...new Set(this.#unreachable)],
    };
  }

  async #recoverOne(stored: StoredRecord, options: CallOptions): Promise<void> {
    const { adopt, incarnationOf, registry, settings, store } = this.#options;
    const { record } = stored;
    const stanza = this.#addStanza(record.kernelSpec.provisioner);
    if (incarnationOf(record.kernelId) !== undefined) return;
    const { provisionerName, config } = record.kernelSpec.provisioner;
    const records = new RecordKeeper(store, record, stored.version);
    try {
      const provisioner = await this.#within(options, 'provisioner', (signal) =>
        registry.provisionerFor(provisionerName, config, { signal }),
      );
      const launched = await this.#attach(provisioner, record, options);
      const wasCreated = record.phase === 'running' || record.phase === 'connecting';
      if (launched === undefined || !wasCreated) {
        if (launched !== undefined) await this.#remove(launched, options);
        if (wasCreated) this.#lost.push(record.kernelId);
        else if (launched !== undefined) this.#reaped.push(record.kernelId);
        this.#toForget.push({ records, stanza });
        return;
      }
      const kernel = adopt({ kernelSpec: toKernelSpec(record.kernelSpec), provisioner, records });
      this.#attached.push(kernel.id);
      await this.#connect(kernel, record.phase === 'running' ? kernel.attach(launched) : kernel.resume(launched));
    } catch (error) {
      // Not told is not gone: the record stays for the next time.
      settings.logger.warn('a kernel could not be attached to', {
        kernelId: record.kernelId,
        error: errorMessage(error),
      });
      this.#unreachable.push(`${provisionerName} (kernel ${record.kernelId}): ${errorMessage(error)}`);
    }
  }

  async #attach(
    provisioner: KernelProvisioner,
    record: KernelRecord,
    options: CallOptions,
  ): Promise<LaunchedKernel | undefined> {
    const { state } = record;
    if (state === undefined) return undefined;
    return await this.#within(options, 'attach', (signal) => provisioner.attach(state, { signal }));
  }

  async #connect(kernel: Pick<ManagedKernel, 'id'>, attaching: Promise<void>): Promise<void> {
    const { settings } = this.#options;
    const note = (error: unknown): void => {
      settings.logger.info('an attached kernel is not connected yet', {
        kernelId: kernel.id,
        error: errorMessage(error),
      });
    };
    attaching.catch(note);
    const deadline = { timeoutMs: CONNECT_MS, what: 'channels of the kernel', clock: settings.clock };
    await withDeadline(deadline, () => attaching).catch(note);
  }

  async #remove(launched: LaunchedKernel, options: CallOptions): Promise<void> {
    await this.#within(options, 'removal', (signal) => launched.kill({ signal }));
    await launched[Symbol.asyncDispose]();
  }

  /** Also of kernelspecs that no record names: the record of what they hold may have been lost. */
  async #collectStanzas(options: CallOptions): Promise<void> {
    try {
      const { specs } = await this.#options.kernelspecs.list(options);
      for (const spec of specs) this.#addStanza(spec.provisioner);
    } catch (error) {
      this.#options.settings.logger.warn('kernelspecs could not be listed', { error: errorMessage(error) });
    }
  }

  #addStanza(stanza: ProvisionerStanza): string {
    const key = canonicalJson([stanza.provisionerName, stanza.config]);
    this.#stanzas.set(key, stanza);
    return key;
  }

  /** Removes what carries our id and belongs to no kernel. False when not all of the backend could be looked at. */
  async #sweep(stanza: ProvisionerStanza, options: CallOptions): Promise<boolean> {
    const { registry, settings } = this.#options;
    const { provisionerName, config } = stanza;
    try {
      const provisioner = await this.#within(options, 'provisioner', (signal) =>
        registry.provisionerFor(provisionerName, config, { signal }),
      );
      const { resources, unreachable } = await this.#within(options, 'listing', (signal) =>
        provisioner.list({ signal }),
      );
      this.#unreachable.push(...unreachable.map((part) => `${provisionerName}: ${part}`));
      const known = await this.#recordedIncarnations(options);
      const results = await Promise.all(
        resources
          .filter((resource) => this.#isUnclaimed(resource, known))
          .map((resource) => this.#reap(provisioner, resource, options)),
      );
      return unreachable.length === 0 && results.every(Boolean);
    } catch (error) {
      settings.logger.warn('a backend could not be searched', { provisionerName, error: errorMessage(error) });
      this.#unreachable.push(`${provisionerName}: ${errorMessage(error)}`);
      return false;
    }
  }

  /** Records that are kept claim their resources even when they could not be attached to. */
  async #recordedIncarnations(options: CallOptions): Promise<ReadonlyMap<string, number>> {
    const forgotten = new Set(this.#toForget.map(({ records }) => records.record.kernelId));
    const { records } = await this.#options.store.list(options);
    return new Map(
      records
        .filter(({ record }) => !forgotten.has(record.kernelId))
        .map(({ record }) => [record.kernelId, record.incarnation]),
    );
  }

  #isUnclaimed(resource: OwnedResource, recorded: ReadonlyMap<string, number>): boolean {
    if (resource.instanceId !== this.#options.instanceId) return false;
    const running = this.#options.incarnationOf(resource.kernelId);
    if (running === 'starting') return false;
    const claimed = running ?? recorded.get(resource.kernelId);
    return claimed === undefined || resource.incarnation < claimed;
  }

  async #reap(provisioner: KernelProvisioner, resource: OwnedResource, options: CallOptions): Promise<boolean> {
    try {
      await this.#within(options, 'removal', (signal) => provisioner.reap(resource, { signal }));
      this.#reaped.push(resource.id);
      return true;
    } catch (error) {
      this.#options.settings.logger.error('a resource that nobody claims could not be removed', {
        resource: resource.id,
        error: errorMessage(error),
      });
      return false;
    }
  }

  async #within<T>(options: CallOptions, what: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#options.settings;
    return await withDeadline({ signal: options.signal, timeoutMs: BACKEND_MS, what, clock }, (scope) =>
      work(scope.signal),
    );
  }
}

function toKernelSpec(recorded: RecordedKernelSpec): KernelSpec {
  const { resourceDir, ...rest } = recorded;
  return { ...rest, extra: {}, ...(resourceDir === undefined ? {} : { resourceDir }) };
}
