import { ProvisionerError } from '@gateway-provisioners/core';

/** Errors: `INVALID_CONFIG` when launchers are told an address of this machine's loopback, which no container reaches. */
export function assertReachable(responseAddress: string, network: string): void {
  const isLoopback = /^(127\.|localhost:|\[::1\]|::1)/.test(responseAddress);
  if (!isLoopback || network === 'host') return;
  throw new ProvisionerError(
    'INVALID_CONFIG',
    `kernels are to call home at ${responseAddress}, which a container in network ${network} cannot reach: ` +
      'let the response listener use an address of this machine that containers reach, such as that of the bridge',
  );
}
