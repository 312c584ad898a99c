import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import type { KernelSpec } from '@gateway-provisioners/core';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { KernelSpecResource } from './types.ts';

/**
 * The files beside `kernel.json` that clients may fetch. Nothing else is ever offered: the folder also holds
 * `kernel.json` with its environment, launch scripts and templates.
 */
export async function listResources(spec: KernelSpec): Promise<readonly KernelSpecResource[]> {
  const folder = spec.resourceDir;
  if (folder === undefined) return [];
  // A folder that has just vanished has no resources; the next scan tells the rest.
  const files = await readdir(folder).catch((): string[] => []);
  return files
    .filter((file) => file === 'kernel.js' || file === 'kernel.css' || /^logo-[\w.-]+$/.test(file))
    .sort()
    .map((file) => ({ key: file.startsWith('logo-') ? parse(file).name : file, file, path: join(folder, file) }));
}

/** Errors: `RESOURCE_NOT_FOUND` for every file that {@link listResources} does not offer. */
export async function findResource(spec: KernelSpec, file: string): Promise<KernelSpecResource> {
  const found = (await listResources(spec)).find((resource) => resource.file === file);
  if (found !== undefined) return found;
  throw new ProvisionerError(
    'RESOURCE_NOT_FOUND',
    `kernelspec ${JSON.stringify(spec.name)} offers no file ${JSON.stringify(file.slice(0, 100))}`,
  );
}
