import { ProvisionerError } from './errors.ts';
import type { Rendezvous } from './rendezvous.ts';

/** Stands where no listener for launchers is configured. Errors: `RENDEZVOUS_UNAVAILABLE`, always. */
export const noRendezvous: Rendezvous = {
  expect: (kernelId) => Promise.reject(unavailable(kernelId)),
  openComm: ({ kernelId }) => Promise.reject(unavailable(kernelId)),
};

function unavailable(kernelId: string): ProvisionerError {
  return new ProvisionerError(
    'RENDEZVOUS_UNAVAILABLE',
    'this kernel is started by a launcher that calls back, but there is no response listener here',
    { coordinates: { kernelId } },
  );
}
