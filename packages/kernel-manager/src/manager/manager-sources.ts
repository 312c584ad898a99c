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

/** Errors: `INVALID_ARGUMENT` unless exactly one of `registry` and `provisioners` is given. */
export async function openManagerSources(options: KernelManagerOptions, instanceId: string): Promise<ManagerSources> {
  await using stack = new ResourceStack();
  const { env, logger, clock } = options;
  const rendezvous = options.rendezvous ?? stack.use(new LazyRendezvous({ env, logger, clock }));
  const { folder, registry } = await openRegistry(options, { instanceId, rendezvous, stack });
  const kernelspecs = options.kernelspecs ?? stack.use(await installedKernelSpecs(options));
  const owned = stack.move();
  return {
    registry,
    kernelspecs,
    rendezvous,
    async release(kernels) {
      await owned[Symbol.asyncDispose]();
      if (kernels === 'end' && folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

interface OpenedRegistry {
  readonly registry: ProvisionerSource;
  /** Made here, to be removed. */
  readonly folder?: string;
}

async function openRegistry(
  options: KernelManagerOptions,
  made: { readonly instanceId: string; readonly rendezvous: Rendezvous; readonly stack: ResourceStack },
): Promise<OpenedRegistry> {
  const { provisioners, registry } = options;
  if (registry !== undefined && provisioners === undefined) return { registry };
  if (registry !== undefined || provisioners === undefined) {
    throw new ProvisionerError('INVALID_ARGUMENT', 'give a kernel manager either provisioners or a registry');
  }
  if (options.runtimeDir !== undefined) {
    await mkdir(options.runtimeDir, { recursive: true, mode: 0o700 });
    return { registry: newRegistry(provisioners, { ...options, ...made, runtimeDir: options.runtimeDir }) };
  }
  const folder = await mkdtemp(join(tmpdir(), 'gateway-provisioners-'));
  return { folder, registry: newRegistry(provisioners, { ...options, ...made, runtimeDir: folder }) };
}

function newRegistry(
  provisioners: readonly ProvisionerDefinition[],
  given: KernelManagerOptions & {
    readonly instanceId: string;
    readonly runtimeDir: string;
    readonly rendezvous: Rendezvous;
    readonly stack: ResourceStack;
  },
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
