import type { DockerEngine, ServiceSpec, TaskDetails } from '@gateway-provisioners/docker-engine';
import type { SwarmConfig } from '../settings/swarm-settings.ts';

export interface AddressOptions {
  readonly engine: DockerEngine;
  readonly task: TaskDetails;
  /** The network on which the gateway meets the kernel. */
  readonly network: string;
  readonly ownNodeId: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where a task that runs is reached: its address in the network, else in another. On a network that the manager does not
 * hand addresses out for, the engine is asked where the task is on its own node. Undefined: where the launcher answered
 * from, as in the host's network.
 */
export async function taskAddress({
  engine,
  task,
  network,
  ownNodeId,
  signal,
}: AddressOptions): Promise<string | undefined> {
  const wanted = task.networks.find(({ id, name }) => name === network || id === network);
  const others = task.networks.filter(({ name }) => name !== 'ingress');
  for (const { addresses } of wanted === undefined ? others : [wanted, ...others]) {
    if (addresses[0] !== undefined) return addresses[0];
  }
  if (network === 'host' || task.containerId === undefined || task.nodeId !== ownNodeId) return undefined;
  const details = await engine.containers.inspect(task.containerId, { signal });
  if (details === undefined) return undefined;
  const given = details.networks[network];
  const [ofContainer] = [...(given === undefined ? [] : [given]), ...Object.values(details.networks)]
    .map(({ ipAddress, globalIPv6Address }) => (ipAddress === '' ? globalIPv6Address : ipAddress))
    .filter((address) => address !== '');
  return ofContainer;
}

/** The name that resolves to the task's address on its networks. */
export function discoveryName(spec: Pick<ServiceSpec, 'name' | 'endpointMode'>): string {
  return spec.endpointMode === 'vip' ? `tasks.${spec.name}` : spec.name;
}

/** What a service is to be reached by, where that is not the address of its task. */
export function knownName(config: SwarmConfig, spec: Pick<ServiceSpec, 'name' | 'endpointMode'>): string | undefined {
  return config.discovery === 'name' ? discoveryName(spec) : undefined;
}
