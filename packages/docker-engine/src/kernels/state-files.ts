import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProvisionerState, ResourceOwner } from '@gateway-provisioners/core';

/**
 * Copies of the states of kernels, each in a file of its own that only this user can read: what a container's labels
 * cannot hold, because it is secret or known only later.
 */
export class StateFiles {
  readonly #folder: string;

  /** `name` keeps those of one provisioner apart from those of others. */
  constructor(runtimeDir: string, name: string) {
    this.#folder = join(runtimeDir, name);
  }

  async save(owner: ResourceOwner, state: ProvisionerState): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = this.#path(owner);
    // Renamed into place, so that a crash leaves the one before.
    await writeFile(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  /** Undefined when there is none, or it cannot be read. */
  async load(owner: ResourceOwner): Promise<ProvisionerState | undefined> {
    try {
      const state: unknown = JSON.parse(await readFile(this.#path(owner), 'utf8'));
      return isState(state) ? state : undefined;
    } catch {
      return undefined;
    }
  }

  async forget(owner: ResourceOwner): Promise<void> {
    await rm(this.#path(owner), { force: true });
    await rm(`${this.#path(owner)}.new`, { force: true });
  }

  #path({ kernelId, incarnation }: ResourceOwner): string {
    return join(this.#folder, `${encodeURIComponent(kernelId)}-${String(incarnation)}.json`);
  }
}

function isState(value: unknown): value is ProvisionerState {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
