import { formatOwner } from '@gateway-provisioners/core';
import type { ResourceOwner } from '@gateway-provisioners/core';

/** Whose something is. */
export const OWNER_LABEL = 'gateway-provisioners.owner';
/** Finds all of one gateway: the engine compares whole values. */
export const INSTANCE_LABEL = 'gateway-provisioners.instance';

/** Labels of all that is created for one kernel: those of Gateway Provisioners, and whose it is. */
export function kernelLabels(
  owner: ResourceOwner,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  return {
    ...more,
    app: 'gateway-provisioners',
    component: 'kernel',
    kernel_id: owner.kernelId,
    [INSTANCE_LABEL]: owner.instanceId,
    [OWNER_LABEL]: formatOwner(owner),
  };
}
