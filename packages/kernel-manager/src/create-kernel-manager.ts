import { ResourceStack } from '@gateway-provisioners/core';
import { openKernelChannels } from './life/channels.ts';
import { openManagerSources } from './manager/manager-sources.ts';
import { Manager } from './manager/manager.ts';
import type { KernelManagerOptions } from './options.ts';
import { memoryStore } from './store/memory-store.ts';
import type { KernelManager } from './types.ts';

/**
 * Opens the store and returns a manager. Call {@link KernelManager.recover} next when the store may hold kernels.
 *
 * ```ts
 * await using manager = await createKernelManager({ provisioners: [localProvisioner], env: process.env });
 * const kernel = await manager.start({ name: 'python3' });
 * for await (const message of kernel.execute('6 * 7')) console.log(message.header.msg_type);
 * ```
 * The manager closes the store when it is closed; a registry and kernelspecs that it was given stay the caller's.
 * Errors: `INVALID_ARGUMENT` for a setting that makes no sense, `INVALID_STATE` when another process has the store.
 */
export async function createKernelManager(options: KernelManagerOptions): Promise<KernelManager> {
  await using stack = new ResourceStack();
  const store = stack.use(options.store ?? memoryStore());
  const instanceId = await store.open({ instanceId: options.instanceId });
  const sources = await openManagerSources(options, { instanceId });
  stack.defer(() => sources.release('end'));
  const manager = new Manager({
    options: { ...options, rendezvous: sources.rendezvous },
    store,
    sources,
    instanceId,
    openChannels: openKernelChannels,
  });
  stack.move();
  return manager;
}
