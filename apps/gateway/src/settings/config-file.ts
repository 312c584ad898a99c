import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError, errorMessage } from '@gateway-provisioners/core';
import type { CallOptions } from '@gateway-provisioners/core';

export interface ConfigFile {
  readonly path: string;
  readonly values: unknown;
}

/**
 * Reads a configuration file by its extension. A JavaScript file exports the settings by default, or a function (which
 * may be async) that returns them. Errors: `INVALID_CONFIG` when it cannot be read or parsed.
 */
export async function readConfigFile(path: string, options: CallOptions = {}): Promise<ConfigFile> {
  const extension = extname(path).toLowerCase();
  try {
    if (['.js', '.mjs', '.cjs'].includes(extension)) return { path, values: await importConfig(path) };
    const text = await readFile(path, { encoding: 'utf8', signal: options.signal });
    if (extension === '.json') return { path, values: JSON.parse(text) };
    if (extension === '.yaml' || extension === '.yml') return { path, values: await parseYaml(text) };
  } catch (error) {
    throw fileError(path, errorMessage(error), error);
  }
  const python =
    extension === '.py' ? '; a file in Python is not read: write its settings as YAML, see --generate-config' : '';
  throw fileError(path, `the name has to end in .json, .yaml, .yml, .js, .mjs or .cjs${python}`);
}

async function parseYaml(text: string): Promise<unknown> {
  // Not needed by a gateway without such a file, so not loaded for it.
  const { parse } = await import('yaml');
  const values: unknown = parse(text, { maxAliasCount: 100 });
  // A file of comments only, as it is generated.
  return values ?? {};
}

async function importConfig(path: string): Promise<unknown> {
  const module: unknown = await import(pathToFileURL(resolve(path)).href);
  const exported: unknown =
    typeof module === 'object' && module !== null && 'default' in module ? module.default : module;
  return typeof exported === 'function' ? await (exported as () => unknown)() : exported;
}

function fileError(path: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError('the configuration file cannot be used', [{ key: '(all)', source: path, message }], { cause });
}
