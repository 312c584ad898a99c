import { createHash } from 'node:crypto';
import type { ResourceOwner } from '@gateway-provisioners/core';

/** Longest name that a swarm takes. */
const MAX_NAME = 63;
const OWNER_DIGITS = 12;

/** The user in names and in `{name}`: the same for the same user, of letters and digits alone, and no beginning of another's. */
export function ownerDigest(owner: string): string {
  return createHash('sha256').update(owner).digest('hex').slice(0, OWNER_DIGITS);
}

/**
 * `{prefix}-{digest of the user}-{kernel id}`, from the second start of a kernel on with `-{incarnation}`: the service
 * before it may not be gone yet. At most 63 characters, each allowed in a DNS name, and never the same for two kernels.
 */
export function serviceName(kernel: ResourceOwner & { readonly owner: string }, prefix = 'jupyter'): string {
  const { kernelId, incarnation } = kernel;
  const again = incarnation === 1 ? '' : `-${String(incarnation)}`;
  const start = `${prefix}-${ownerDigest(kernel.owner)}-`;
  const suffix = `${kernelId}${again}`;
  const isPlain = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$/.test(suffix);
  if (isPlain && start.length + suffix.length <= MAX_NAME) return start + suffix;
  // No UUID: its digest is as good.
  const digest = createHash('sha256')
    .update(JSON.stringify([kernelId, incarnation]))
    .digest('hex');
  return start + digest.slice(0, MAX_NAME - start.length);
}

/** The launcher's secret; it is removed with the service. */
export function secretName(service: string): string {
  return `${service.slice(0, MAX_NAME - 3)}-v2`;
}
