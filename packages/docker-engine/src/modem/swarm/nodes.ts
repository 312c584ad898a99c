import { listOf, membersOf, numberOf, textsOf } from '../../config/json-members.ts';
import type {
  EngineNodes,
  EngineSwarm,
  NodeAvailability,
  NodeDetails,
  NodeState,
  SwarmInfo,
} from '../../swarm/engine-swarm.ts';
import { notUnderstood } from '../answers.ts';
import type { EngineClient } from '../engine-client.ts';
import { changeVersion } from './change-version.ts';
import { SWARM_CODES as codes } from './swarm-codes.ts';

const STATES: readonly NodeState[] = ['unknown', 'down', 'ready', 'disconnected'];
const AVAILABILITIES: readonly NodeAvailability[] = ['active', 'pause', 'drain'];

/** What an engine is to a swarm. */
export function swarmOf(client: EngineClient): EngineSwarm {
  return {
    async info(call = {}) {
      return toSwarmInfo(await client.ask({ method: 'GET', path: ['info'], action: 'ask about the engine' }, call));
    },
  };
}

/** Nodes of the swarm that an engine manages. */
export function nodesOf(client: EngineClient): EngineNodes {
  return {
    async inspect(id, call = {}) {
      const request = { method: 'GET', path: ['nodes', id], action: 'inspect node', subject: id, codes } as const;
      const answer = await client.askFor(request, call);
      const found = answer === undefined ? undefined : toNodeDetails(answer);
      // The engine takes the beginning of an id as well.
      return found?.id === id || found?.hostname === id ? found : undefined;
    },

    async list(call = {}) {
      const request = { method: 'GET', path: ['nodes'], action: 'list nodes', codes } as const;
      return listOf(await client.ask(request, call)).map(toNodeDetails);
    },

    async setAvailability(id, availability, call = {}) {
      const inspect = { method: 'GET', path: ['nodes', id], action: 'inspect node', subject: id, codes } as const;
      const action = `set to ${availability} node`;
      await changeVersion({
        look: async () => membersOf(await client.ask(inspect, call)),
        versionOf: ({ Version }) => numberOf(membersOf(Version)['Index']),
        write: async ({ Spec, Version, ID }) => {
          const path = ['nodes', typeof ID === 'string' ? ID : id, 'update'];
          const query = { version: numberOf(membersOf(Version)['Index']) };
          const body = { ...membersOf(Spec), Availability: availability };
          await client.ask({ method: 'POST', path, query, body, action, subject: id, codes }, call);
        },
      });
    },
  };
}

/** `GET /info` */
export function toSwarmInfo(answer: unknown): SwarmInfo {
  const { Swarm } = membersOf(answer);
  const { LocalNodeState: state = 'inactive', NodeID: nodeId = '', NodeAddr: nodeAddress = '' } = textsOf(Swarm);
  const isManager = membersOf(Swarm)['ControlAvailable'] === true;
  return { state, isManager, nodeId, nodeAddress, error: textsOf(Swarm)['Error'] ?? '' };
}

/** `GET /nodes/ID` */
export function toNodeDetails(answer: unknown): NodeDetails {
  const { ID: id } = textsOf(answer);
  const { Spec, Status, Description } = membersOf(answer);
  const { Role, Availability } = textsOf(Spec);
  const { State, Message: message = '', Addr: address = '' } = textsOf(Status);
  const state = STATES.find((known) => known === State);
  const availability = AVAILABILITIES.find((known) => known === Availability);
  if (id === undefined || state === undefined || availability === undefined) throw notUnderstood('a node', State);
  const { Resources, Engine } = membersOf(Description);
  const { NanoCPUs, MemoryBytes, GenericResources } = membersOf(Resources);
  return {
    id,
    hostname: textsOf(Description)['Hostname'] ?? '',
    role: Role === 'manager' ? 'manager' : 'worker',
    availability,
    state,
    message,
    address,
    labels: textsOf(membersOf(Spec)['Labels']),
    engineLabels: textsOf(membersOf(Engine)['Labels']),
    cpus: numberOf(NanoCPUs) / 1e9,
    memoryBytes: numberOf(MemoryBytes),
    genericResources: toGenericResources(GenericResources),
  };
}

/** Counted as a whole, or each by its name. */
function toGenericResources(value: unknown): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const resource of listOf(value)) {
    const { DiscreteResourceSpec, NamedResourceSpec } = membersOf(resource);
    const discrete = textsOf(DiscreteResourceSpec)['Kind'];
    const named = textsOf(NamedResourceSpec)['Kind'];
    if (discrete !== undefined) counts.set(discrete, numberOf(membersOf(DiscreteResourceSpec)['Value']));
    else if (named !== undefined) counts.set(named, (counts.get(named) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}
