import { canonicalJson } from '../canonical-json.ts';
import { suggestion } from '../config/closest-names.ts';
import { raceSignal, withDeadline } from '../deadline.ts';
import { errorMessage, isProvisionerError, ProvisionerError, toProvisionerError } from '../errors.ts';
import type { JsonObject } from '../kernel-spec.ts';
import type { CallOptions, KernelProvisioner, ProvisionerDefinition, ProvisionerServices } from '../provisioner.ts';
import { ResourceStack } from '../resource-stack.ts';
import { checkDefinition } from './check-definition.ts';
import { formatOrigin, originCoordinates } from './provisioner-origin.ts';
import type { LazyProvisioner, ProvisionerOrigin } from './provisioner-origin.ts';

/** For what a provisioner does while it is let go of. */
const DISPOSAL_MS = 10_000;

export interface ProvisionerRegistryOptions {
  readonly services: ProvisionerServices;
  /** The host's settings by provisioner name; a kernelspec's `config` is laid over them, key by key. */
  readonly baseConfig?: Readonly<Record<string, JsonObject>> | undefined;
}

/** A provisioner that the registry knows, as `provisioners list` shows it. */
export interface ProvisionerEntry {
  readonly name: string;
  readonly origin: ProvisionerOrigin;
  /**
   * - `available`: not needed yet, so nothing of it was imported
   * - `loaded`: imported and checked
   * - `failed`: kernels that need it are refused with `problem`, unless another entry has the same name
   */
  readonly status: 'available' | 'loaded' | 'failed';
  readonly problem?: ProvisionerError | undefined;
}

interface Registration {
  readonly lazy: LazyProvisioner;
  definition: Promise<ProvisionerDefinition> | undefined;
  loaded: boolean;
  problem: ProvisionerError | undefined;
}

/**
 * Knows provisioners by the names that kernelspecs use, and keeps one object for each distinct settings of each.
 * Disposing of it disposes of those objects; kernels live on.
 */
export class ProvisionerRegistry implements AsyncDisposable {
  readonly #services: ProvisionerServices;
  readonly #baseConfig: Readonly<Record<string, JsonObject>>;
  readonly #registrations = new Map<string, Registration>();
  /** Registrations that a kernel never gets: manifests that are wrong, later ones of a name that is taken. */
  readonly #rejected: ProvisionerEntry[] = [];
  readonly #provisioners = new Map<string, Promise<KernelProvisioner>>();
  #disposal: Promise<void> | undefined;

  constructor(options: ProvisionerRegistryOptions) {
    this.#services = options.services;
    this.#baseConfig = options.baseConfig ?? {};
  }

  /**
   * Adds a definition. Errors: `PROVISIONER_DUPLICATE`, naming both; `PROVISIONER_API_MISMATCH`,
   * `PROVISIONER_NOT_BRANDED`, `PROVISIONER_SCHEMA_INVALID`, `PROVISIONER_LOAD_FAILED`.
   */
  register(definition: ProvisionerDefinition, origin: ProvisionerOrigin = { kind: 'registered' }): void {
    checkDefinition(definition, undefined, origin);
    this.#add({ name: definition.name, origin, load: () => Promise.resolve(definition) });
  }

  /** Adds a provisioner whose module is imported when first needed. Errors: `PROVISIONER_DUPLICATE`, naming both. */
  registerLazy(provisioner: LazyProvisioner): void {
    this.#add(provisioner);
  }

  /**
   * As {@link registerLazy} for what strangers offer: a duplicate is recorded instead of thrown. A discovered package
   * cannot take a name from one that was registered or configured; two of equal rank are both refused.
   */
  offer(provisioner: LazyProvisioner): void {
    const { name, origin } = provisioner;
    const isDiscovered = origin.kind === 'discovered';
    const existing = this.#registrations.get(name);
    // Nor may one take the place of a package that was configured and cannot be located.
    const missing = isDiscovered ? this.#rejected.find((entry) => isConfigured(entry, name)) : undefined;
    if (existing === undefined && missing === undefined) {
      this.#add(provisioner);
      return;
    }
    const first = existing?.lazy ?? missing ?? provisioner;
    const problem = duplicateError(first, provisioner);
    this.reject({ name, origin, problem });
    const outranked = isDiscovered && first.origin.kind !== 'discovered';
    if (existing !== undefined && !outranked) existing.problem = problem;
  }

  /** Records something that cannot be offered at all, to be listed and named when a kernelspec asks for it. */
  reject(entry: Pick<ProvisionerEntry, 'name' | 'origin'> & { readonly problem: ProvisionerError }): void {
    this.#rejected.push({ ...entry, status: 'failed' });
    this.#report(entry.name, entry.problem);
  }

  /** All that is known, in the order of registration, refused ones last. */
  list(): readonly ProvisionerEntry[] {
    const known = [...this.#registrations.values()].map(({ lazy, loaded, problem }): ProvisionerEntry => {
      const status = problem === undefined ? (loaded ? 'loaded' : 'available') : 'failed';
      return { name: lazy.name, origin: lazy.origin, status, problem };
    });
    return [...known, ...this.#rejected];
  }

  /**
   * The definition of that name, imported and checked. Errors: `PROVISIONER_NOT_FOUND` with close names,
   * `PROVISIONER_DUPLICATE`, `PROVISIONER_MANIFEST_INVALID`, `PROVISIONER_LOAD_FAILED`, `PROVISIONER_API_MISMATCH`,
   * `PROVISIONER_NOT_BRANDED`, `PROVISIONER_SCHEMA_INVALID`.
   */
  async definitionOf(name: string, options: CallOptions = {}): Promise<ProvisionerDefinition> {
    const registration = this.#find(name);
    registration.definition ??= this.#load(registration);
    return await raceSignal(registration.definition, options.signal);
  }

  /**
   * The provisioner for these settings, laid over the host's own; the same object for the same name and settings.
   * Errors: those of {@link definitionOf}; `INVALID_CONFIG` with every problem; `PROVISIONER_CREATE_FAILED`;
   * `INVALID_STATE` after disposal.
   */
  async provisionerFor(name: string, config: JsonObject, options: CallOptions = {}): Promise<KernelProvisioner> {
    if (this.#disposal !== undefined) throw new ProvisionerError('INVALID_STATE', 'the registry was disposed of');
    const base = Object.hasOwn(this.#baseConfig, name) ? this.#baseConfig[name] : undefined;
    const merged: JsonObject = { ...base, ...config };
    const key = canonicalJson([name, merged]);
    let provisioner = this.#provisioners.get(key);
    if (provisioner === undefined) {
      provisioner = this.#create(name, merged);
      this.#provisioners.set(key, provisioner);
      // A failure is not kept: the next kernel may find the engine up, or the package repaired.
      provisioner.catch(() => this.#provisioners.delete(key));
    }
    return await raceSignal(provisioner, options.signal);
  }

  /** Disposes of every provisioner, also of those that are just being created. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    await using stack = new ResourceStack();
    let isOver = false;
    const release = (provisioner: KernelProvisioner): Promise<void> =>
      this.#within('the end of a provisioner', () => provisioner[Symbol.asyncDispose]());
    const created = [...this.#provisioners.values()].map(async (creating) => {
      const provisioner = await creating.catch(() => undefined);
      if (provisioner === undefined) return;
      if (isOver) await release(provisioner);
      else stack.defer(() => release(provisioner));
    });
    this.#provisioners.clear();
    const all = Promise.allSettled(created);
    // One that never gets created is left behind; if it comes later, it is disposed of then.
    await this.#within('provisioners that are being created', () => all).catch(() => undefined);
    isOver = true;
  }

  /** What a stranger's package does not finish must not keep the host from ending. */
  async #within(what: string, work: () => PromiseLike<unknown>): Promise<void> {
    const deadline = { timeoutMs: DISPOSAL_MS, what, clock: this.#services.clock };
    await withDeadline(deadline, async () => {
      await work();
    });
  }

  #add(lazy: LazyProvisioner): void {
    const existing = this.#registrations.get(lazy.name);
    if (existing !== undefined) throw duplicateError(existing.lazy, lazy);
    this.#registrations.set(lazy.name, { lazy, definition: undefined, loaded: false, problem: undefined });
  }

  #find(name: string): Registration {
    const registration = this.#registrations.get(name);
    if (isProvisionerError(registration?.problem, 'PROVISIONER_DUPLICATE')) throw registration.problem;
    if (registration !== undefined) return registration;
    const rejected = this.#rejected.find((entry) => entry.name === name);
    if (rejected?.problem !== undefined) throw rejected.problem;
    const close = suggestion(name, this.#registrations.keys());
    const refused = this.#rejected.map(({ origin }) => formatOrigin(origin)).join(', ');
    throw new ProvisionerError(
      'PROVISIONER_NOT_FOUND',
      `no provisioner is called ${JSON.stringify(name)}${close}. Register it, name its package under \`provisioners\` ` +
        `in the configuration, or allow its discovery${refused === '' ? '' : `. Refused were: ${refused}`}`,
    );
  }

  async #load(registration: Registration): Promise<ProvisionerDefinition> {
    const { lazy } = registration;
    try {
      const definition = checkDefinition(await importOf(lazy), lazy.name, lazy.origin);
      registration.loaded = true;
      registration.problem = undefined;
      return definition;
    } catch (error) {
      const problem = toProvisionerError(error);
      registration.definition = undefined;
      if (problem.message !== registration.problem?.message) this.#report(lazy.name, problem);
      registration.problem = problem;
      throw problem;
    }
  }

  /** For the operator: those whose kernels are refused may be told less. */
  #report(name: string, problem: ProvisionerError): void {
    this.#services.logger.warn('provisioner refused', { provisioner: name, reason: problem.message });
  }

  async #create(name: string, config: JsonObject): Promise<KernelProvisioner> {
    const definition = await this.definitionOf(name);
    const logger = this.#services.logger.child({ provisioner: name });
    return await definition.createChecked({ ...this.#services, logger }, config);
  }
}

async function importOf(lazy: LazyProvisioner): Promise<unknown> {
  try {
    return await lazy.load();
  } catch (error) {
    throw new ProvisionerError(
      'PROVISIONER_LOAD_FAILED',
      `${formatOrigin(lazy.origin)} cannot be imported: ${errorMessage(error)}`,
      { cause: error, coordinates: originCoordinates(lazy.origin) },
    );
  }
}

type Offer = Pick<ProvisionerEntry, 'name' | 'origin'>;

function isConfigured(entry: Offer, name: string): boolean {
  return entry.name === name && entry.origin.kind === 'configured';
}

function duplicateError(first: Offer, second: Offer): ProvisionerError {
  return new ProvisionerError(
    'PROVISIONER_DUPLICATE',
    `two packages offer ${JSON.stringify(first.name)}: ${formatOrigin(first.origin)} and ${formatOrigin(second.origin)}. ` +
      'Remove one, or deny its discovery',
  );
}
