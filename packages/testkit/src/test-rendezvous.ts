import type { Rendezvous } from '@gateway-provisioners/core';
import { createResponseListener } from '@gateway-provisioners/launcher-protocol';

export interface TestRendezvousOptions {
  /** An address of this machine that launchers can reach. Default 127.0.0.1. */
  readonly address?: string;
}

/** A real response listener on a free port, for tests of provisioners whose kernels call home. */
export async function createTestRendezvous(options: TestRendezvousOptions = {}): Promise<Rendezvous & AsyncDisposable> {
  return await createResponseListener({ address: options.address ?? '127.0.0.1', port: 0 });
}
