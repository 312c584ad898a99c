import { ProvisionerError } from '@gateway-provisioners/core';
import type { ContainerDetails, DockerEngine } from '@gateway-provisioners/docker-engine';
import { hostOfEngine } from './published-ports.ts';

/**
 * Where a container that runs is reached: its address in the network that was asked for, else in any; in the host's
 * network the engine's machine. Errors: `LAUNCH_FAILED` when it has none (network `none`).
 */
export function containerAddress(details: ContainerDetails, network: string, engine: DockerEngine): string {
  if (details.networkMode === 'host') {
    return hostOfEngine(engine.address) ?? '127.0.0.1';
  }
  const wanted = details.networks[network];
  for (const { ipAddress, globalIPv6Address } of [
    ...(wanted === undefined ? [] : [wanted]),
    ...Object.values(details.networks),
  ]) {
    if (ipAddress !== '') return ipAddress;
    if (globalIPv6Address !== '') return globalIPv6Address;
  }
  throw new ProvisionerError(
    'LAUNCH_FAILED',
    `the container has no address in network ${network}: choose another docker_network`,
    {
      coordinates: { container: details.name },
    },
  );
}
