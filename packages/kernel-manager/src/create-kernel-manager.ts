import { ProvisionerError } from '@gateway-provisioners/core';
import type { KernelManagerOptions } from './options.ts';
import type { KernelManager } from './types.ts';

/** Opens the store and returns a manager. Call {@link KernelManager.recover} next when the store may hold kernels. */
export function createKernelManager(options: KernelManagerOptions): Promise<KernelManager> {
  return Promise.reject(new ProvisionerError('INTERNAL', `no manager yet for ${options.kernelspecs.defaultName}`));
}
