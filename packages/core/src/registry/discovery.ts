import { pathToFileURL } from 'node:url';
import { throwIfAborted } from '../deadline.ts';
import { errorMessage, isProvisionerError, ProvisionerError } from '../errors.ts';
import type { CallOptions } from '../provisioner.ts';
import {
  findPackage,
  isFilePath,
  readPackageJson,
  resolveEntry,
  resolveFile,
  splitSpecifier,
} from './package-lookup.ts';
import type { FoundPackage, PackageJson } from './package-lookup.ts';
import { originCoordinates } from './provisioner-origin.ts';
import type { ProvisionerOrigin } from './provisioner-origin.ts';
import type { ProvisionerRegistry } from './provisioner-registry.ts';

export interface ConfiguredProvisionersOptions extends CallOptions {
  /** Absolute path of the host's package.json: packages are found as the host would find them. */
  readonly hostPackageJson: string;
  /** Package, sub-path of a package, or file (relative to the host's package.json) by provisioner name. */
  readonly provisioners: Readonly<Record<string, string>>;
}

export interface DiscoveryOptions extends CallOptions {
  /** Absolute path of the host's package.json; its `dependencies` are looked at, nothing else that is installed. */
  readonly hostPackageJson: string;
  /** Package names with `*` for any text. Default: all dependencies. */
  readonly allow?: readonly string[] | undefined;
  /** Likewise; wins over `allow`. */
  readonly deny?: readonly string[] | undefined;
}

/**
 * Offers the provisioners that a configuration names. Modules are located, not run. What cannot be located is recorded
 * in the registry and refused when a kernelspec needs it; this never rejects for the sake of a package.
 */
export async function addConfiguredProvisioners(
  registry: ProvisionerRegistry,
  options: ConfiguredProvisionersOptions,
): Promise<void> {
  const { hostPackageJson } = options;
  for (const [name, specifier] of Object.entries(options.provisioners)) {
    throwIfAborted(options.signal);
    const setting = `provisioners.${name}`;
    let origin: ProvisionerOrigin = { kind: 'configured', package: specifier, setting };
    try {
      if (isFilePath(specifier)) {
        offer(registry, name, { ...origin, path: resolveFile(specifier, hostPackageJson) });
        continue;
      }
      const { packageName, subPath } = splitSpecifier(specifier);
      const found = await findPackage(packageName, hostPackageJson);
      if (found === undefined) throw new Error(`package ${packageName} is not installed`);
      origin = { ...originOf('configured', found), setting };
      // A manifest says where this name is; without one the entry point that was configured is it.
      const entry = (subPath === '.' ? (await readManifest(found, origin))?.get(name) : undefined) ?? subPath;
      offer(registry, name, { ...origin, path: resolveEntry(found, entry, hostPackageJson) });
    } catch (error) {
      registry.reject({ name, origin, problem: asLoadFailure(error, name, origin) });
    }
  }
}

/**
 * Offers what the manifests of the host's own dependencies declare. Only JSON is read: no code of a package runs until
 * a kernelspec names one of its provisioners. Errors: `PROVISIONER_LOAD_FAILED` when the host's own package.json cannot
 * be read; problems of packages are recorded in the registry instead.
 */
export async function discoverProvisioners(registry: ProvisionerRegistry, options: DiscoveryOptions): Promise<void> {
  const { hostPackageJson } = options;
  const host = await readHost(hostPackageJson);
  for (const packageName of dependenciesOf(host)) {
    throwIfAborted(options.signal);
    if (!isAllowed(packageName, options) || isDenied(packageName, options)) continue;
    let origin: ProvisionerOrigin = { kind: 'discovered', package: packageName };
    try {
      const found = await findPackage(packageName, hostPackageJson);
      if (found === undefined) continue;
      origin = originOf('discovered', found);
      // Installed under another name it is still the package that was denied.
      if (isDenied(origin.package ?? packageName, options)) continue;
      for (const [name, entry] of (await readManifest(found, origin)) ?? []) {
        offerEntry(registry, { name, entry, found, origin, hostPackageJson });
      }
    } catch (error) {
      registry.reject({ name: packageName, origin, problem: asLoadFailure(error, packageName, origin) });
    }
  }
}

// Its schema library is loaded by those who have third-party packages, not by every start of a program.
async function readManifest(
  found: FoundPackage,
  origin: ProvisionerOrigin,
): Promise<ReadonlyMap<string, string> | undefined> {
  const manifest = await import('./provisioner-manifest.ts');
  return manifest.readManifest(found, origin);
}

interface Entry {
  readonly name: string;
  readonly entry: string;
  readonly found: FoundPackage;
  readonly origin: ProvisionerOrigin;
  readonly hostPackageJson: string;
}

function offerEntry(registry: ProvisionerRegistry, { name, entry, found, origin, hostPackageJson }: Entry): void {
  try {
    offer(registry, name, { ...origin, path: resolveEntry(found, entry, hostPackageJson) });
  } catch (error) {
    registry.reject({ name, origin, problem: asLoadFailure(error, name, origin) });
  }
}

function offer(
  registry: ProvisionerRegistry,
  name: string,
  origin: ProvisionerOrigin & { readonly path: string },
): void {
  const { href } = pathToFileURL(origin.path);
  registry.offer({ name, origin, load: async (): Promise<unknown> => await import(href) });
}

async function readHost(path: string): Promise<PackageJson> {
  try {
    return await readPackageJson(path);
  } catch (error) {
    const message = `the host's package.json, whose dependencies are to be looked at, cannot be read: ${errorMessage(error)}`;
    throw new ProvisionerError('PROVISIONER_LOAD_FAILED', message, { cause: error, coordinates: { path } });
  }
}

function dependenciesOf(host: PackageJson): readonly string[] {
  const names = ['dependencies', 'optionalDependencies'].flatMap((field) => {
    const value = host.json[field];
    return typeof value === 'object' && value !== null ? Object.keys(value) : [];
  });
  return [...new Set(names)].sort();
}

function isAllowed(name: string, { allow }: DiscoveryOptions): boolean {
  return allow?.some((pattern) => matches(name, pattern)) ?? true;
}

function isDenied(name: string, { deny = [] }: DiscoveryOptions): boolean {
  return deny.some((pattern) => matches(name, pattern));
}

function matches(name: string, pattern: string): boolean {
  return new RegExp(`^${pattern.split('*').map(escapeRegExp).join('.*')}$`).test(name);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}

function originOf(kind: 'configured' | 'discovered', found: PackageJson): ProvisionerOrigin {
  const { name, version } = found.json;
  return {
    kind,
    package: typeof name === 'string' ? name : undefined,
    version: typeof version === 'string' ? version : undefined,
    path: found.path,
  };
}

function asLoadFailure(error: unknown, name: string, origin: ProvisionerOrigin): ProvisionerError {
  if (isProvisionerError(error)) return error;
  const what = origin.package === undefined ? name : `${name} of ${origin.package}`;
  return new ProvisionerError('PROVISIONER_LOAD_FAILED', `${what} cannot be located: ${errorMessage(error)}`, {
    cause: error,
    coordinates: originCoordinates(origin),
  });
}
