import { silentLogger, systemClock, throwIfAborted } from '@gateway-provisioners/core';
import type { CallOptions, Cancellation, KernelSpec } from '@gateway-provisioners/core';
import { Catalogue } from './catalogue.ts';
import { kernelSpecAliases, kernelSpecNotFound } from './kernelspec-name.ts';
import { findResource, listResources } from './resources.ts';
import { isProblem, scanKernelSpecs } from './scan.ts';
import type { Scan } from './scan.ts';
import { kernelSpecFolders } from './search-path.ts';
import type { KernelSpecFolders } from './search-path.ts';
import type {
  KernelSpecListing,
  KernelSpecProblem,
  KernelSpecResource,
  KernelSpecs,
  KernelSpecsOptions,
  WriteKernelSpecOptions,
} from './types.ts';
import { removeKernelSpecFolder, writeKernelSpec } from './write.ts';

const DEFAULT_MAX_FILE_BYTES = 1024 * 1024;
const DEFAULT_RESCAN_MS = 10_000;

/**
 * The kernelspecs of this machine.
 *
 * ```ts
 * await using specs = await createKernelSpecs({ env: process.env });
 * const { specs: usable, problems } = await specs.list();
 * const python = await specs.find('python3');
 * ```
 * Nothing is watched or kept until {@link KernelSpecs.watch} is called.
 */
export async function createKernelSpecs(options: KernelSpecsOptions): Promise<KernelSpecs> {
  const folders = await kernelSpecFolders(options);
  return new FolderKernelSpecs(options, folders);
}

class FolderKernelSpecs implements KernelSpecs {
  readonly searchPath: readonly string[];
  readonly #options: KernelSpecsOptions;
  readonly #folders: KernelSpecFolders;
  readonly #allowed: ReadonlySet<string>;
  readonly #catalogue: Catalogue;

  constructor(options: KernelSpecsOptions, folders: KernelSpecFolders) {
    this.#options = options;
    this.#folders = folders;
    this.#allowed = new Set((options.allowed ?? []).map((name) => name.toLowerCase()));
    this.searchPath = options.searchPath ?? folders.searchPath;
    this.#catalogue = new Catalogue({
      searchPath: this.searchPath,
      scan: () => this.#scan(),
      rescanMs: options.rescanMs ?? DEFAULT_RESCAN_MS,
      clock: options.clock ?? systemClock,
      logger: options.logger ?? silentLogger,
    });
  }

  async find(name: string, options: CallOptions = {}): Promise<KernelSpec> {
    throwIfAborted(options.signal);
    const key = name.toLowerCase();
    const scan = await this.#catalogue.currentFor(key);
    throwIfAborted(options.signal);
    const alias = kernelSpecAliases.get(key);
    const entry = this.#visible(scan, key) ?? (alias === undefined ? undefined : this.#visible(scan, alias));
    if (entry === undefined) throw kernelSpecNotFound(name, this.#names(scan));
    if (!isProblem(entry)) return entry;
    throw entry.error ?? kernelSpecNotFound(name, this.#names(scan));
  }

  async list(options: CallOptions = {}): Promise<KernelSpecListing> {
    throwIfAborted(options.signal);
    const scan = await this.#catalogue.current();
    throwIfAborted(options.signal);
    const specs: KernelSpec[] = [];
    const problems: KernelSpecProblem[] = [];
    for (const [name, entry] of scan.found) {
      if (!this.#isAllowed(name)) continue;
      if (isProblem(entry)) problems.push(entry);
      else specs.push(entry);
    }
    problems.push(...scan.problems.filter(({ name }) => name === undefined || this.#isAllowed(name)));
    specs.sort((a, b) => (a.name < b.name ? -1 : 1));
    return { specs, problems };
  }

  async defaultName(options: CallOptions = {}): Promise<string> {
    if (this.#options.defaultName !== undefined) return this.#options.defaultName.toLowerCase();
    const names = (await this.list(options)).specs.map(({ name }) => name);
    return ['python3', 'deno'].find((name) => names.includes(name)) ?? names[0] ?? 'python3';
  }

  async resources(name: string, options: CallOptions = {}): Promise<readonly KernelSpecResource[]> {
    return await listResources(await this.find(name, options));
  }

  async resourceFile(name: string, file: string, options: CallOptions = {}): Promise<KernelSpecResource> {
    return await findResource(await this.find(name, options), file);
  }

  watch(onChange: () => void = () => undefined): Cancellation {
    return this.#catalogue.watch(onChange);
  }

  async write(options: WriteKernelSpecOptions): Promise<string> {
    const folder = await writeKernelSpec(options, this.#folders);
    this.#catalogue.invalidate();
    return folder;
  }

  async remove(name: string, options: CallOptions = {}): Promise<string> {
    throwIfAborted(options.signal);
    const scan = await this.#catalogue.currentFor(name.toLowerCase());
    throwIfAborted(options.signal);
    const folder = scan.folders.get(name.toLowerCase());
    // Not through the alias: who says `python` shall not lose `python3`.
    if (folder === undefined) throw kernelSpecNotFound(name, [...scan.folders.keys()]);
    await removeKernelSpecFolder(folder);
    this.#catalogue.invalidate();
    return folder;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#catalogue[Symbol.dispose]();
    return Promise.resolve();
  }

  async #scan(): Promise<Scan> {
    const scan = await scanKernelSpecs({
      searchPath: this.searchPath,
      maxFileBytes: this.#options.maxFileBytes ?? DEFAULT_MAX_FILE_BYTES,
      defaultProvisioner: this.#options.env['JUPYTER_DEFAULT_PROVISIONER_NAME'],
    });
    const native = await this.#options.native?.({});
    if (native === undefined) return scan;
    const found = new Map(scan.found);
    for (const spec of native.specs) if (!found.has(spec.name)) found.set(spec.name, spec);
    return { ...scan, found, problems: [...scan.problems, ...native.problems] };
  }

  #isAllowed(name: string): boolean {
    return this.#allowed.size === 0 || this.#allowed.has(name);
  }

  #visible(scan: Scan, name: string): KernelSpec | KernelSpecProblem | undefined {
    return this.#isAllowed(name) ? scan.found.get(name) : undefined;
  }

  #names(scan: Scan): readonly string[] {
    return [...scan.found]
      .filter(([name, entry]) => this.#isAllowed(name) && !isProblem(entry))
      .map(([name]) => name)
      .sort();
  }
}
