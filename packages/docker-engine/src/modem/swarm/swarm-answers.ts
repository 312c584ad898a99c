import { listOf, membersOf, numberOf, textListOf, textsOf } from '../../config/json-members.ts';
import type {
  NodeAvailability,
  NodeDetails,
  NodeState,
  ServiceDetails,
  ServiceMount,
  SwarmFile,
  SwarmInfo,
  TaskDetails,
  TaskNetwork,
  TaskState,
} from '../../swarm/engine-swarm.ts';
import { notUnderstood } from '../answers.ts';

const NODE_STATES: readonly NodeState[] = ['unknown', 'down', 'ready', 'disconnected'];
const AVAILABILITIES: readonly NodeAvailability[] = ['active', 'pause', 'drain'];
const TASK_STATES: readonly TaskState[] = [
  ...(['new', 'allocated', 'pending', 'assigned', 'accepted', 'preparing', 'ready', 'starting', 'running'] as const),
  ...(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned'] as const),
];
const ENDED: ReadonlySet<TaskState> = new Set(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned']);

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
  const state = NODE_STATES.find((known) => known === State);
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

/** `GET /services/ID` */
export function toServiceDetails(answer: unknown): ServiceDetails {
  const { ID: id, CreatedAt: createdAt = '' } = textsOf(answer);
  const { Spec, Version } = membersOf(answer);
  const { Name: name } = textsOf(Spec);
  if (id === undefined || name === undefined) throw notUnderstood('a service', undefined);
  const { Labels, TaskTemplate, Mode, Networks } = membersOf(Spec);
  const { ContainerSpec, Networks: taskNetworks } = membersOf(TaskTemplate);
  const container = membersOf(ContainerSpec);
  const replicas = membersOf(membersOf(Mode)['Replicated'])['Replicas'];
  return {
    id,
    name,
    labels: textsOf(Labels),
    containerLabels: textsOf(container['Labels']),
    image: textsOf(container)['Image'] ?? '',
    env: textListOf(container['Env']),
    mounts: listOf(container['Mounts']).map(toServiceMount),
    networks: listOf(taskNetworks ?? Networks).flatMap((network) => textsOf(network)['Target'] ?? []),
    replicas: replicas === undefined ? undefined : numberOf(replicas),
    version: numberOf(membersOf(Version)['Index']),
    createdAt,
  };
}

function toServiceMount(mount: unknown): ServiceMount {
  const { Type: type = 'bind', Source: source = '', Target: target = '' } = textsOf(mount);
  const { ReadOnly, VolumeOptions } = membersOf(mount);
  const volumeLabels = textsOf(membersOf(VolumeOptions)['Labels']);
  return { type, source, target, readOnly: ReadOnly === true, volumeLabels };
}

/** `GET /tasks/ID` */
export function toTaskDetails(answer: unknown): TaskDetails {
  const { ID: id, ServiceID: serviceId, NodeID, CreatedAt: createdAt = '', DesiredState } = textsOf(answer);
  const { Status, NetworksAttachments } = membersOf(answer);
  const { State, Message: message = '', Err: error = '', Timestamp: stateSince = '' } = textsOf(Status);
  const { ContainerStatus } = membersOf(Status);
  const state = TASK_STATES.find((known) => known === State);
  const desiredState = TASK_STATES.find((known) => known === DesiredState);
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

/** `GET /configs/ID`, `GET /secrets/ID` */
export function toSwarmFile(answer: unknown): SwarmFile {
  const { ID: id } = textsOf(answer);
  const { Spec } = membersOf(answer);
  if (id === undefined) throw notUnderstood('a config or secret', undefined);
  return { id, name: textsOf(Spec)['Name'] ?? '', labels: textsOf(membersOf(Spec)['Labels']) };
}
