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
