import { randomUUID } from 'node:crypto';
import { ResourceStack } from '@gateway-provisioners/core';
import { LazyRendezvous, createKernelManager } from '@gateway-provisioners/kernel-manager';
import type { KernelManager } from '@gateway-provisioners/kernel-manager';
import type { Environment, KernelSpecs } from '@gateway-provisioners/kernelspec';
import { openLocalKernelSpecs } from './local-kernel-specs.ts';
import { openLocalRegistry } from './local-registry.ts';
import { openRuntimeFolder } from './runtime-folder.ts';

/** Kernels for the time of one command. Disposing of it ends them. */
export interface LocalKernels extends AsyncDisposable {
  readonly kernelspecs: KernelSpecs;
  readonly manager: KernelManager;
}

/**
 * Kernels of a person at a shell: they inherit the whole environment, as those of Jupyter's own headless client do, and
 * end with this process if they honour `JPY_PARENT_PID`.
 */
export async function openLocalKernels(env: Environment): Promise<LocalKernels> {
  await using stack = new ResourceStack();
  const instanceId = randomUUID();
  const { path: runtimeDir } = stack.use(await openRuntimeFolder(env));
  const kernelspecs = stack.use(await openLocalKernelSpecs(env));
  const baseConfig = { 'local-provisioner': { parent_pid: true } };
  const rendezvous = stack.use(new LazyRendezvous({ env }));
  const registry = stack.use(openLocalRegistry({ env, instanceId, runtimeDir, baseConfig, rendezvous }));
  const inheritedEnv = Object.keys(env);
  const manager = stack.use(
    await createKernelManager({
      registry,
      rendezvous,
      kernelspecs,
      instanceId,
      env,
      inheritedEnv,
      autoRestart: { limit: 0 },
    }),
  );
  const owned = stack.move();
  return { kernelspecs, manager, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}
