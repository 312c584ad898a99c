import { ProvisionerError } from '@gateway-provisioners/core';
import type { Kernel } from '@gateway-provisioners/kernel-manager';
import type { Identity } from '../auth/authenticator.ts';
import type { GatewayKernels } from '../gateway-options.ts';

/** A user's own kernels. Those of others do not exist for them: every lookup goes through here. */
export interface KernelAccess {
  /** Errors: `KERNEL_NOT_FOUND`, with the same words whether it is missing or somebody else's. */
  require(identity: Identity, kernelId: string): Kernel;
  list(identity: Identity): readonly Kernel[];
}

export function kernelAccess(kernels: GatewayKernels): KernelAccess {
  return {
    require(identity, kernelId) {
      const kernel = kernels.get(kernelId);
      if (kernel?.owner === identity.username) return kernel;
      throw new ProvisionerError('KERNEL_NOT_FOUND', `there is no kernel ${JSON.stringify(kernelId.slice(0, 64))}`);
    },
    list: (identity) => kernels.list().filter((kernel) => kernel.owner === identity.username),
  };
}
