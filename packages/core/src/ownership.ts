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
  const [instance = '', kernel = '', incarnation = '', ...rest] = text.split('/');
  if (instance === '' || kernel === '' || rest.length > 0 || !/^[1-9]\d{0,14}$/.test(incarnation)) return undefined;
  try {
    return {
      instanceId: decodeURIComponent(instance),
      kernelId: decodeURIComponent(kernel),
      incarnation: Number(incarnation),
    };
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
