import { disturbDeep, fuzzTarget } from '@gateway-provisioners/core/testing';
import type { FuzzTarget, SeededRandom } from '@gateway-provisioners/core/testing';
import {
  toContainerDetails,
  toContainerStats,
  toContainerSummary,
  toEngineEvent,
  toImageDetails,
} from '../modem/answers.ts';
import { toNetworkDetails, toVolumeDetails } from '../modem/resource-answers.ts';
import {
  toNodeDetails,
  toServiceDetails,
  toSwarmFile,
  toSwarmInfo,
  toTaskDetails,
} from '../modem/swarm/swarm-answers.ts';
import { PullTracker } from '../pull-progress.ts';

/** What an engine, or what listens at its address, says of its objects. */
export const answerFuzzTargets: readonly FuzzTarget[] = [
  fuzzTarget('engine-answers', 'PROTOCOL_ERROR', tryAnswer),
  fuzzTarget('engine-pull', 'PROTOCOL_ERROR', tryPull),
];

type Fields = Readonly<Record<string, unknown>>;

const CONTAINER: Fields = {
  Id: 'c',
  Name: '/name',
  Config: { Image: 'i', Labels: { a: 'b' } },
  State: { Status: 'exited', ExitCode: 137, OOMKilled: true, Error: '' },
  HostConfig: { NetworkMode: 'bridge' },
  NetworkSettings: {
    Networks: { bridge: { IPAddress: '172.17.0.2', GlobalIPv6Address: '', Gateway: '172.17.0.1' } },
    Ports: { '5001/tcp': [{ HostIp: '127.0.0.1', HostPort: '32768' }], '5002/tcp': null },
  },
};
const STATS: Fields = {
  memory_stats: { usage: 5_000_000, limit: 10_000_000, stats: { inactive_file: 1_000_000 } },
  cpu_stats: { cpu_usage: { total_usage: 12_345 } },
  pids_stats: { current: 3 },
};
const NODE: Fields = {
  ID: 'n',
  Spec: { Role: 'worker', Availability: 'active', Labels: { a: 'b' } },
  Status: { State: 'ready', Addr: '10.0.0.1' },
  Description: {
    Hostname: 'h',
    Engine: { Labels: { c: 'd' } },
    Resources: {
      NanoCPUs: 2_000_000_000,
      MemoryBytes: 7,
      GenericResources: [{ NamedResourceSpec: { Kind: 'gpu', Value: 'x' } }, { DiscreteResourceSpec: { Kind: 'ssd' } }],
    },
  },
};
const SERVICE: Fields = {
  ID: 's',
  CreatedAt: '2026-01-01T00:00:00Z',
  Version: { Index: 7 },
  Spec: {
    Name: 'n',
    Labels: { a: 'b' },
    Mode: { Replicated: { Replicas: 1 } },
    TaskTemplate: {
      Networks: [{ Target: 'net' }],
      ContainerSpec: { Image: 'i', Env: ['A=b'], Mounts: [{ Type: 'volume', VolumeOptions: { Labels: { l: 'm' } } }] },
    },
  },
};
const TASK: Fields = {
  ID: 't',
  ServiceID: 's',
  NodeID: 'n',
  DesiredState: 'shutdown',
  Status: { State: 'failed', Err: 'e', ContainerStatus: { ContainerID: 'c', ExitCode: 1 } },
  NetworksAttachments: [{ Network: { ID: 'o', Spec: { Name: 'ov' } }, Addresses: ['10.0.1.2/24'] }],
};
const EVENT: Fields = {
  Type: 'container',
  Action: 'die',
  Actor: { ID: 'x', Attributes: { exitCode: '3' } },
  time: 1_700_000_000,
  timeNano: 1_700_000_000_123_456_789,
};

const readers: readonly (readonly [Fields, (answer: unknown) => unknown])[] = [
  [CONTAINER, toContainerDetails],
  [{ Id: 'c', Names: ['/n'], Image: 'i', Labels: {}, State: 'running' }, toContainerSummary],
  [STATS, toContainerStats],
  [{ Id: 'i', Config: { Labels: { a: 'b' }, Entrypoint: ['e'], Cmd: ['c'] } }, toImageDetails],
  [EVENT, toEngineEvent],
  [{ Id: 'n', Name: 'n', IPAM: { Config: [{ Gateway: '10.0.0.1/24' }] }, Labels: {} }, toNetworkDetails],
  [{ Name: 'v', Driver: 'local', Labels: { a: 'b' }, Options: null }, toVolumeDetails],
  [NODE, toNodeDetails],
  [{ Swarm: { LocalNodeState: 'active', NodeID: 'n', ControlAvailable: true } }, toSwarmInfo],
  [SERVICE, toServiceDetails],
  [TASK, toTaskDetails],
  [{ ID: 'f', Spec: { Name: 'n', Labels: {} } }, toSwarmFile],
];

function tryAnswer(random: SeededRandom): boolean {
  const [sample, read] = random.pick(readers);
  const answer = disturbDeep(disturbDeep(sample, random), random);
  const result = read(answer);
  for (const value of valuesWithin(result)) {
    if (typeof value !== 'number' || Number.isFinite(value)) continue;
    throw new Error(`a number that is none; input: ${JSON.stringify(answer)}`);
  }
  return result !== undefined;
}

/** Members of any depth. */
function valuesWithin(value: unknown): readonly unknown[] {
  if (value instanceof Map) return [...value.entries()].flat();
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(valuesWithin) : [value];
}

function tryPull(random: SeededRandom): boolean {
  const tracker = new PullTracker('img');
  const lines = Array.from({ length: 1 + random.below(6) }, () =>
    disturbDeep(
      {
        id: random.pick(['one', 'two', 'latest']),
        status: random.pick(['Downloading', 'Pull complete', 'Pulling from a', 'Extracting']),
        progressDetail: { current: random.below(1000), total: random.pick([1000, 0, 1e308, -5]) },
      },
      random,
    ),
  );
  let told = false;
  for (const line of lines) {
    const progress = tracker.update(line);
    if (progress === undefined) continue;
    told = true;
    const { fraction, layers, layersDone } = progress;
    if (fraction >= 0 && fraction <= 1 && layersDone <= layers) continue;
    throw new Error(`${JSON.stringify(progress)} is no progress; input: ${JSON.stringify(lines)}`);
  }
  return told;
}
