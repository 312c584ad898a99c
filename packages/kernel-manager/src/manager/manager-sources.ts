import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ProvisionerError,
  ProvisionerRegistry,
  ResourceStack,
  silentLogger,
  systemClock,
} from '@gateway-provisioners/core';
import type { ProvisionerDefinition, Rendezvous } from '@gateway-provisioners/core';
import { createKernelSpecs, nativeKernelSpecs } from '@gateway-provisioners/kernelspec';
import { LazyRendezvous } from '../lazy-rendezvous.ts';
import type { KernelManagerOptions, KernelSpecSource, ProvisionerSource } from '../options.ts';

/** Where a manager finds kernelspecs and provisioners, given or made for it. */
export interface ManagerSources {
  readonly registry: ProvisionerSource;
  readonly kernelspecs: KernelSpecSource;
  readonly rendezvous: Rendezvous;
  /** Lets go of what was made here; what was given stays the caller's. */
  release(kernels: 'keep' | 'end'): Promise<void>;
}

interface ManagerSourcesPlace {
  readonly instanceId: string;
  /** Where a runtime folder is made when none is given. Default: the system's temporary folder. */
  readonly temporaryDir?: string | undefined;
}

/**
 * Leaves nothing behind when it fails. Errors: `INVALID_ARGUMENT` unless exactly one of `registry` and `provisioners`
 * is given; those of a registry that refuses a provisioner.
 */
export async function openManagerSources(
  options: KernelManagerOptions,
  place: ManagerSourcesPlace,
): Promise<ManagerSources> {
  await using stack = new ResourceStack();
  const { env, logger, clock } = options;
  let keepsFolder = false;
  const rendezvous = options.rendezvous ?? stack.use(new LazyRendezvous({ env, logger, clock }));
  const registry = await openRegistry(options, {
    instanceId: place.instanceId,
    rendezvous,
    stack,
    makeFolder: async () => {
      const folder = await mkdtemp(join(place.temporaryDir ?? tmpdir(), 'gateway-provisioners-'));
      stack.defer(() => (keepsFolder ? undefined : rm(folder, { recursive: true, force: true })));
      return folder;
    },
  });
  const kernelspecs = options.kernelspecs ?? stack.use(await installedKernelSpecs(options));
  const owned = stack.move();
  return {
    registry,
    kernelspecs,
    rendezvous,
    async release(kernels) {
      keepsFolder = kernels === 'keep';
      await owned[Symbol.asyncDispose]();
    },
  };
}

interface RegistryParts {
  readonly instanceId: string;
  readonly rendezvous: Rendezvous;
  readonly stack: ResourceStack;
  /** Makes a runtime folder that the stack removes. */
  readonly makeFolder: () => Promise<string>;
}

async function openRegistry(options: KernelManagerOptions, parts: RegistryParts): Promise<ProvisionerSource> {
  const { provisioners, registry } = options;
  if (registry !== undefined && provisioners === undefined) return registry;
  if (registry !== undefined || provisioners === undefined) {
    throw new ProvisionerError('INVALID_ARGUMENT', 'give a kernel manager either provisioners or a registry');
  }
  const { runtimeDir } = options;
  if (runtimeDir !== undefined) await mkdir(runtimeDir, { recursive: true, mode: 0o700 });
  return newRegistry(provisioners, { ...options, ...parts, runtimeDir: runtimeDir ?? (await parts.makeFolder()) });
}

function newRegistry(
  provisioners: readonly ProvisionerDefinition[],
  given: KernelManagerOptions & RegistryParts & { readonly runtimeDir: string },
): ProvisionerRegistry {
  const { instanceId, runtimeDir, rendezvous, logger = silentLogger, clock = systemClock, env = {} } = given;
  const registry = given.stack.use(
    new ProvisionerRegistry({ services: { instanceId, runtimeDir, logger, clock, env, rendezvous } }),
  );
  for (const provisioner of provisioners) registry.register(provisioner);
  return registry;
}

async function installedKernelSpecs(options: KernelManagerOptions): ReturnType<typeof createKernelSpecs> {
  const { env = {}, logger, clock } = options;
  const native = nativeKernelSpecs({ env, resolveDenoFrom: import.meta.url });
  // Reported by whoever asks for the kernels first.
  native.catch(() => undefined);
  return await createKernelSpecs({ env, logger, clock, native: () => native });
}
