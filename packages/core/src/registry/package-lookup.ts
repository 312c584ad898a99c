import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemErrorCode } from '../system-error.ts';

/** A package.json that was found and read. */
export interface PackageJson {
  /** Path of its package.json. */
  readonly path: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A package that is installed. */
export interface FoundPackage extends PackageJson {
  /** By which the host knows it; its own name may be another (`"nomad": "npm:kernel-provisioner-nomad@1"`). */
  readonly installedAs: string;
}

/** Reads a package.json. Rejects when it does not exist, is not JSON or not an object. */
export async function readPackageJson(path: string): Promise<PackageJson> {
  const json: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (!isRecord(json)) throw new TypeError(`${path} does not hold an object`);
  return { path, json };
}

/** The package `name` as the host sees it; undefined when it is not installed. Nothing of it is run. */
export async function findPackage(name: string, hostPackageJson: string): Promise<FoundPackage | undefined> {
  for (const folder of foldersAbove(hostPackageJson)) {
    const path = join(folder, 'node_modules', name, 'package.json');
    try {
      return { ...(await readPackageJson(path)), installedAs: name };
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT' && systemErrorCode(error) !== 'ENOTDIR') throw error;
    }
  }
  // Layouts without node_modules folders (Plug'n'Play) answer only to the host's own resolution.
  try {
    const path = createRequire(hostPackageJson).resolve(`${name}/package.json`);
    return { ...(await readPackageJson(path)), installedAs: name };
  } catch {
    return undefined;
  }
}

/** The file that a configuration names: absolute, a `file:` URL, or relative to the host's package.json. */
export function resolveFile(specifier: string, hostPackageJson: string): string {
  if (specifier.startsWith('file:')) return fileURLToPath(specifier);
  return resolve(dirname(hostPackageJson), specifier);
}

export function isFilePath(specifier: string): boolean {
  return specifier.startsWith('.') || specifier.startsWith('file:') || isAbsolute(specifier);
}

/** `@scope/name/sub` → `@scope/name` and `./sub`. */
export function splitSpecifier(specifier: string): { readonly packageName: string; readonly subPath: string } {
  const parts = specifier.split('/');
  const length = specifier.startsWith('@') ? 2 : 1;
  const rest = parts.slice(length).join('/');
  return { packageName: parts.slice(0, length).join('/'), subPath: rest === '' ? '.' : `./${rest}` };
}

/**
 * The file of a package's entry point. Node's own resolution for `require` does not see entry points that have the
 * `import` condition alone, so those are looked up in `exports` here. Rejects when there is no such entry point, or when
 * it leads out of the package.
 */
export function resolveEntry(found: FoundPackage, subPath: string, hostPackageJson: string): string {
  const name = found.installedAs;
  const specifier = subPath === '.' ? name : `${name}/${subPath.slice(2)}`;
  try {
    return createRequire(hostPackageJson).resolve(specifier);
  } catch (error) {
    const target = exportTarget(found.json['exports'], subPath);
    const folder = dirname(found.path);
    const path = target === undefined ? undefined : resolve(folder, target);
    if (path?.startsWith(folder + sep) === true) return path;
    throw error;
  }
}

const CONDITIONS = new Set(['import', 'node', 'module-sync', 'default']);

/** Follows `exports` for `import` without patterns. */
function exportTarget(exports: unknown, subPath: string): string | undefined {
  const isMap = isRecord(exports) && Object.keys(exports).some((key) => key.startsWith('.'));
  const entry = isMap ? exports[subPath] : subPath === '.' ? exports : undefined;
  return conditionalTarget(entry);
}

function conditionalTarget(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry;
  if (!isRecord(entry)) return undefined;
  for (const [condition, value] of Object.entries(entry)) {
    const target = CONDITIONS.has(condition) ? conditionalTarget(value) : undefined;
    if (target !== undefined) return target;
  }
  return undefined;
}

function* foldersAbove(path: string): Generator<string> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    yield folder;
    if (dirname(folder) === folder) return;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
