import { listOf, membersOf, numberOf, textListOf, textsOf } from '../../config/json-members.ts';
import { defined } from '../../container-body.ts';
import type { EngineTasks, TaskDetails, TaskNetwork, TaskState } from '../../swarm/engine-swarm.ts';
import { notUnderstood } from '../answers.ts';
import type { EngineClient } from '../engine-client.ts';
import { readLog } from '../read-log.ts';
import { SWARM_CODES as codes } from './swarm-codes.ts';

const STATES: readonly TaskState[] = [
  ...(['new', 'allocated', 'pending', 'assigned', 'accepted', 'preparing', 'ready', 'starting', 'running'] as const),
  ...(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'] as const),
];
const ENDED: ReadonlySet<TaskState> = new Set(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned']);

/** Tasks of the swarm that an engine manages, as they are when asked. */
export function tasksOf(client: EngineClient): Omit<EngineTasks, 'follow'> {
  return {
    async inspect(id, call = {}) {
      const request = { method: 'GET', path: ['tasks', id], action: 'inspect task', subject: id, codes } as const;
      const answer = await client.askFor(request, call);
      return answer === undefined ? undefined : toTaskDetails(answer);
    },

    async list({ services, nodes, desiredStates, labels }, call = {}) {
      const filter = defined({ service: services, node: nodes, 'desired-state': desiredStates, label: labels });
      const query = { filters: JSON.stringify(filter) };
      const request = { method: 'GET', path: ['tasks'], query, action: 'list tasks', codes } as const;
      return listOf(await client.ask(request, call)).map(toTaskDetails);
    },

    async logs(id, { maxBytes }, call = {}) {
      const request = { path: ['tasks', id, 'logs'], action: 'read the log of task', subject: id, codes };
      return await readLog(client, { ...request, maxBytes }, call);
    },
  };
}

/** `GET /tasks/ID` */
export function toTaskDetails(answer: unknown): TaskDetails {
  const { ID: id, ServiceID: serviceId, NodeID, CreatedAt: createdAt = '', DesiredState } = textsOf(answer);
  const { Status, NetworksAttachments } = membersOf(answer);
  const { State, Message: message = '', Err: error = '', Timestamp: stateSince = '' } = textsOf(Status);
  const { ContainerStatus } = membersOf(Status);
  const state = STATES.find((known) => known === State);
  const desiredState = STATES.find((known) => known === DesiredState);
  if (id === undefined || serviceId === undefined || state === undefined || desiredState === undefined) {
    throw notUnderstood('a task', State);
  }
  const containerId = textsOf(ContainerStatus)['ContainerID'] ?? '';
  const exitCode = membersOf(ContainerStatus)['ExitCode'];
  return {
    id,
    serviceId,
    nodeId: NodeID === '' ? undefined : NodeID,
    state,
    desiredState,
    message,
    error,
    // A container that runs has an exit code as well: 0.
    exitCode: ENDED.has(state) && exitCode !== undefined ? numberOf(exitCode) : undefined,
    containerId: containerId === '' ? undefined : containerId,
    networks: listOf(NetworksAttachments).map(toTaskNetwork),
    createdAt,
    stateSince,
  };
}

function toTaskNetwork(attachment: unknown): TaskNetwork {
  const { Network, Addresses } = membersOf(attachment);
  const { Spec, DriverState } = membersOf(Network);
  const { ID: id = '' } = textsOf(Network);
  const driver = textsOf(DriverState)['Name'] ?? textsOf(membersOf(Spec)['DriverConfiguration'])['Name'] ?? '';
  const addresses = textListOf(Addresses).map((address) => address.replace(/\/.*$/, ''));
  return { id, name: textsOf(Spec)['Name'] ?? '', driver, addresses };
}
