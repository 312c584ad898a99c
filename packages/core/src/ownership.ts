import { ProvisionerError } from './errors.ts';
import type { ResourceOwner } from './provisioner.ts';

/** The environment variable that marks processes with their owner. */
export const OWNER_VARIABLE = 'GATEWAY_PROVISIONERS_OWNER';

/** `instance/kernel/incarnation` as one text without blanks, for variables, labels and tags. */
export function formatOwner(owner: ResourceOwner): string {
  return [owner.instanceId, owner.kernelId, String(owner.incarnation)].map(encodeURIComponent).join('/');
}

/** Reads what {@link formatOwner} wrote; undefined for anything else. */
export function parseOwner(text: string): ResourceOwner | undefined {
  const parts = text.split('/');
  if (parts.length !== 3 || !/^[1-9]\d{0,14}$/.test(parts[2] ?? '')) return undefined;
  try {
    const [instanceId = '', kernelId = ''] = parts.map(decodeURIComponent);
    if (instanceId === '' || kernelId === '') return undefined;
    return { instanceId, kernelId, incarnation: Number(parts[2]) };
  } catch {
    return undefined;
  }
}

/** Errors: `INVALID_ARGUMENT` for what another instance owns. */
export function assertOwnedBy(instanceId: string, owner: ResourceOwner): void {
  if (owner.instanceId === instanceId) return;
  throw new ProvisionerError('INVALID_ARGUMENT', 'this kernel belongs to another instance', {
    coordinates: { kernel: owner.kernelId, instance: owner.instanceId },
  });
}
