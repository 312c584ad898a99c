import { ProvisionerError } from '@gateway-provisioners/core';

export interface LimitSettings {
  readonly maxKernels: number;
  readonly maxKernelsPerOwner: number;
}

/**
 * Whether one more kernel may be started besides those of `owners` (one entry a kernel, running or starting).
 * Errors: `LIMIT_EXCEEDED` in Enterprise Gateway's words, `limit` and its value in the coordinates.
 */
export function checkLimits(owner: string, owners: readonly string[], limits: LimitSettings): void {
  const { maxKernels, maxKernelsPerOwner } = limits;
  if (owners.length >= maxKernels) {
    const count = owners.length;
    throw new ProvisionerError(
      'LIMIT_EXCEEDED',
      `A max kernels limit has been set to ${String(maxKernels)} and there are currently ${kernels(count)}.`,
      { coordinates: { limit: 'maxKernels' } },
    );
  }
  const own = owners.filter((each) => each === owner).length;
  if (own >= maxKernelsPerOwner) {
    throw new ProvisionerError(
      'LIMIT_EXCEEDED',
      `A max kernels per user limit has been set to ${String(maxKernelsPerOwner)} and user '${owner}' currently has ` +
        `${kernels(own)}.`,
      { coordinates: { limit: 'maxKernelsPerOwner' } },
    );
  }
}

function kernels(count: number): string {
  return `${String(count)} active and pending ${count === 1 ? 'kernel' : 'kernels'}`;
}
