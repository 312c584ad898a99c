import { ProvisionerError } from '@gateway-provisioners/core';
import { membersOf, numberOf, textListOf, textsOf } from '../config/json-members.ts';
import type {
  ContainerDetails,
  ContainerNetwork,
  ContainerStats,
  ContainerStatus,
  ContainerSummary,
  EngineEvent,
  ImageDetails,
} from '../engine.ts';

const STATUSES: readonly ContainerStatus[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
];

/** `GET /containers/ID/json` */
export function toContainerDetails(answer: unknown): ContainerDetails {
  const { Config, State, HostConfig, NetworkSettings } = membersOf(answer);
  const { Id: id, Name: name = '' } = textsOf(answer);
  const { Status, Error: error = '' } = textsOf(State);
  const status = STATUSES.find((known) => known === Status);
  if (id === undefined || status === undefined) throw notUnderstood('a container', Status);
  const networks = Object.entries(membersOf(membersOf(NetworkSettings)['Networks']));
  return {
    id,
    name: withoutSlash(name),
    image: textsOf(Config)['Image'] ?? '',
    labels: textsOf(membersOf(Config)['Labels']),
    state: {
      status,
      exitCode: numberOf(membersOf(State)['ExitCode']),
      oomKilled: membersOf(State)['OOMKilled'] === true,
      error,
    },
    networkMode: textsOf(HostConfig)['NetworkMode'] ?? 'default',
    networks: Object.fromEntries(networks.map(([network, value]) => [network, toContainerNetwork(value)])),
    publishedPorts: toPublishedPorts(membersOf(NetworkSettings)['Ports']),
  };
}

/** `{ "5001/tcp": [{ HostIp, HostPort }], "80/tcp": null }`; the first place of each counts. */
function toPublishedPorts(value: unknown): ReadonlyMap<number, number> {
  const published = new Map<number, number>();
  for (const [port, places] of Object.entries(membersOf(value))) {
    const containerPort = Number(/^(\d+)\/tcp$/.exec(port)?.[1]);
    const hostPort = Number(textsOf(Array.isArray(places) ? places[0] : undefined)['HostPort']);
    if (containerPort > 0 && hostPort > 0) published.set(containerPort, hostPort);
  }
  return published;
}

function toContainerNetwork(value: unknown): ContainerNetwork {
  const {
    IPAddress: ipAddress = '',
    GlobalIPv6Address: globalIPv6Address = '',
    Gateway: gateway = '',
  } = textsOf(value);
  return { ipAddress, globalIPv6Address, gateway };
}

/** One of `GET /containers/json` */
export function toContainerSummary(answer: unknown): ContainerSummary {
  const { Id: id, Image: image = '', State: status = '' } = textsOf(answer);
  if (id === undefined) throw notUnderstood('a list of containers', undefined);
  const { Names, Labels } = membersOf(answer);
  return { id, name: withoutSlash(textListOf(Names)[0] ?? ''), image, labels: textsOf(Labels), status };
}

/** `GET /containers/ID/stats` */
export function toContainerStats(answer: unknown): ContainerStats {
  const { memory_stats: memory, cpu_stats: cpu, pids_stats: pids } = membersOf(answer);
  const { stats, usage } = membersOf(memory);
  // What the kernel of the machine caches of files, by the names of cgroups 1 and 2; it can be taken back at any time.
  const { total_inactive_file: oldCache, inactive_file: cache } = membersOf(stats);
  return {
    memoryBytes: Math.max(0, numberOf(usage) - numberOf(oldCache ?? cache)),
    memoryLimitBytes: numberOf(membersOf(memory)['limit']),
    cpuNanoseconds: numberOf(membersOf(membersOf(cpu)['cpu_usage'])['total_usage']),
    pids: numberOf(membersOf(pids)['current']),
  };
}

/** `GET /images/NAME/json` */
export function toImageDetails(answer: unknown): ImageDetails {
  const config = membersOf(membersOf(answer)['Config']);
  return {
    id: textsOf(answer)['Id'] ?? '',
    labels: textsOf(config['Labels']),
    entrypoint: textListOf(config['Entrypoint']),
    command: textListOf(config['Cmd']),
  };
}

/** One line of `GET /events`; undefined for what has no subject. */
export function toEngineEvent(line: unknown): EngineEvent | undefined {
  const { Type: type, Action: action, scope = 'local' } = textsOf(line);
  const { Actor, timeNano, time } = membersOf(line);
  const id = textsOf(Actor)['ID'];
  if (type === undefined || action === undefined || id === undefined) return undefined;
  const attributes = textsOf(membersOf(Actor)['Attributes']);
  // Too large for a number of JSON to be exact: good to about 200 ns, which is enough to ask again from there.
  const whole = (value: unknown): bigint => BigInt(Math.trunc(numberOf(value)));
  const timeNs = timeNano === undefined ? whole(time) * 1_000_000_000n : whole(timeNano);
  return { type, action, scope, id, attributes, timeNs };
}

function withoutSlash(name: string): string {
  return name.replace(/^\//, '');
}

/** What an engine said that this does not know. */
export function notUnderstood(what: string, status: string | undefined): ProvisionerError {
  const detail = status === undefined ? '' : ` (status ${JSON.stringify(status)})`;
  return new ProvisionerError('PROTOCOL_ERROR', `the engine describes ${what} in an unknown way${detail}`);
}
