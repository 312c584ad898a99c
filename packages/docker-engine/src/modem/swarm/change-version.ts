import { isProvisionerError } from '@gateway-provisioners/core';

const TRIES = 10;

export interface VersionedChange<T> {
  readonly look: () => Promise<T>;
  readonly versionOf: (found: T) => number;
  readonly write: (found: T) => Promise<void>;
}

/**
 * Changes an object of a swarm, which takes a change of the version alone that it has now. Managers change nodes and
 * services themselves, so that one may be another a moment after it was looked at: then the change is made to that one.
 */
export async function changeVersion<T>({ look, versionOf, write }: VersionedChange<T>): Promise<void> {
  let found = await look();
  for (let tries = 1; ; tries += 1) {
    try {
      await write(found);
      return;
    } catch (error) {
      // Engines have no status of their own for a change that came too late.
      const mayBeLate = isProvisionerError(error, 'ENGINE_REFUSED') || isProvisionerError(error, 'ENGINE_CONFLICT');
      if (!mayBeLate || tries === TRIES) throw error;
      const now = await look();
      if (versionOf(now) === versionOf(found)) throw error;
      found = now;
    }
  }
}
