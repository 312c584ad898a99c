import { ProvisionerError } from '@gateway-provisioners/core';

export interface LimitSettings {
  readonly maxKernels: number;
  readonly maxKernelsPerOwner: number;
}

/**
 * Whether one more kernel may be started besides those of `owners` (one entry a kernel, running or starting).
 * Errors: `LIMIT_EXCEEDED` in Enterprise Gateway's words; `limit` in the coordinates, and with it at the end of the message,
 * is the name of the setting there and of the gateway's: whoever reads it is told what to change.
 */
export function checkLimits(owner: string, owners: readonly string[], limits: LimitSettings): void {
  const { maxKernels, maxKernelsPerOwner } = limits;
  if (owners.length >= maxKernels) {
    const count = owners.length;
    throw new ProvisionerError(
      'LIMIT_EXCEEDED',
      `A max kernels limit has been set to ${String(maxKernels)} and there are currently ${kernels(count)}.`,
      { coordinates: { limit: 'max_kernels' } },
    );
  }
  const own = owners.filter((each) => each === owner).length;
  if (own >= maxKernelsPerOwner) {
    throw new ProvisionerError(
      'LIMIT_EXCEEDED',
      `A max kernels per user limit has been set to ${String(maxKernelsPerOwner)} and user '${owner}' currently has ` +
        `${kernels(own)}.`,
      { coordinates: { limit: 'max_kernels_per_user' } },
    );
  }
}

function kernels(count: number): string {
  return `${String(count)} active and pending ${count === 1 ? 'kernel' : 'kernels'}`;
}
