import type { Cancellation, ProvisionerError } from '@gateway-provisioners/core';
import type { EngineCall } from '../engine-call.ts';
import type { ServiceSpec } from './service-spec.ts';

/** What the engine at this address is to a swarm. */
export interface SwarmInfo {
  /** `inactive`, `pending`, `active`, `error`, `locked`. */
  readonly state: string;
  /** Only a manager answers calls about services, tasks, nodes, configurations and secrets. */
  readonly isManager: boolean;
  /** Of this engine's own node; empty outside a swarm. */
  readonly nodeId: string;
  readonly nodeAddress: string;
  /** The engine's own words when the state is `error`; else empty. */
  readonly error: string;
}

export interface EngineSwarm {
  /** Answers for every engine, in a swarm or not. */
  info(call?: EngineCall): Promise<SwarmInfo>;
}

export interface ServiceMount {
  readonly type: string;
  /** Empty for a nameless volume. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Labels that a volume was to be made with. */
  readonly volumeLabels: Readonly<Record<string, string>>;
}

export interface ServiceDetails {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containerLabels: Readonly<Record<string, string>>;
  readonly image: string;
  /** Each `name=value`. */
  readonly env: readonly string[];
  readonly mounts: readonly ServiceMount[];
  /** Ids, or names where the service was made by an older engine. */
  readonly networks: readonly string[];
  /** Undefined for a service that runs on every node. */
  readonly replicas: number | undefined;
  /** Counts changes. */
  readonly version: number;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface ServiceFilter {
  readonly labels?: readonly string[];
  readonly ids?: readonly string[];
}

/**
 * Services. Absence is a value, as with containers. Errors of every call: `ENGINE_NOT_MANAGER`, `ENGINE_UNAVAILABLE`,
 * `ENGINE_REFUSED`, `DEADLINE_EXCEEDED`, `CANCELLED`.
 */
export interface EngineServices {
  /**
   * Returns the id. The credentials for the image's registry go along, from the Docker configuration. What is wrong with
   * an image, a mount or a node is not told here but by the service's task.
   * More errors: `ENGINE_CONFLICT` when the name is taken, `ENGINE_RESOURCE_NOT_FOUND` for a network, configuration or
   * secret that does not exist, `INVALID_CONFIG` when the Docker configuration cannot be read.
   */
  create(spec: ServiceSpec, call?: EngineCall): Promise<string>;
  /** Puts another specification in the place of the present one; a change of the task makes new tasks. Errors as above. */
  update(id: string, spec: ServiceSpec, call?: EngineCall): Promise<void>;
  /** By id or name; not by the beginning of one. */
  inspect(id: string, call?: EngineCall): Promise<ServiceDetails | undefined>;
  /** Those that carry every one of these labels (`key` or `key=value`), or have one of the ids. */
  list(options: ServiceFilter, call?: EngineCall): Promise<readonly ServiceDetails[]>;
  /** Removes it; its containers are stopped after this answered. */
  remove(id: string, call?: EngineCall): Promise<void>;
  /** The last `maxBytes` of stdout and stderr of its tasks; empty when it is gone. A node that is lost gives nothing. */
  logs(id: string, options: { readonly maxBytes: number }, call?: EngineCall): Promise<string>;
}

export type TaskState =
  | 'new'
  | 'allocated'
  | 'pending'
  | 'assigned'
  | 'accepted'
  | 'preparing'
  | 'ready'
  | 'starting'
  | 'running'
  | 'complete'
  | 'shutdown'
  | 'failed'
  | 'rejected'
  | 'remove'
  | 'orphaned';

export interface TaskNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** Without the length of the prefix; none where the manager does not know them (networks that are no overlay). */
  readonly addresses: readonly string[];
}

export interface TaskDetails {
  readonly id: string;
  readonly serviceId: string;
  /** Undefined until the scheduler has chosen one. */
  readonly nodeId: string | undefined;
  /** What the node said last. It stays `running` when the node is lost: see the node's own state. */
  readonly state: TaskState;
  readonly desiredState: TaskState;
  /** What is going on: `preparing`, `pending task scheduling`. */
  readonly message: string;
  /** Why it is not going on: `no suitable node (…)`, `task: non-zero exit (3)`; else empty. */
  readonly error: string;
  /** Undefined until it ended; 0 is also told of one that could not be started. */
  readonly exitCode: number | undefined;
  readonly containerId: string | undefined;
  readonly networks: readonly TaskNetwork[];
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601; of `state`. */
  readonly stateSince: string;
}

export interface TaskFilter {
  /** Ids or names; any of them. */
  readonly services?: readonly string[];
  /** Ids or names; any of them. */
  readonly nodes?: readonly string[];
  /** Any of them. Default: all, also those that ended. */
  readonly desiredStates?: readonly ('running' | 'shutdown' | 'accepted')[];
  /** Labels of the task's service; all must be there. */
  readonly labels?: readonly string[];
}

/** A task, and what the managers think of its node: `down` is the only sign that a task is lost with its node. */
export interface FollowedTask extends TaskDetails {
  readonly nodeState: NodeState | undefined;
}

export interface TaskListener {
  /** All tasks of the service, the newest first: as soon as they are known, and after each change. */
  onTasks(tasks: readonly FollowedTask[]): void;
  /** The service is gone; nothing more is told. */
  onGone(): void;
  /** The managers cannot be asked at the moment. They are asked again, and `onTasks` tells what changed. */
  onUnreachable?(error: ProvisionerError): void;
}

export interface EngineTasks {
  /**
   * Tells of the tasks of a service, given by its id, until cancelled. The Engine API has no events of tasks: all followed
   * services share one listing, made at once when an event of a service, a node or a container of the manager's own node
   * says that there may be news, four times a second and less while a task is on its way, else every two seconds.
   */
  follow(serviceId: string, listener: TaskListener): Cancellation;
  inspect(id: string, call?: EngineCall): Promise<TaskDetails | undefined>;
  list(filter: TaskFilter, call?: EngineCall): Promise<readonly TaskDetails[]>;
  /** The last `maxBytes` of its stdout and stderr; empty when it is gone. */
  logs(id: string, options: { readonly maxBytes: number }, call?: EngineCall): Promise<string>;
}

export type NodeState = 'unknown' | 'down' | 'ready' | 'disconnected';
export type NodeAvailability = 'active' | 'pause' | 'drain';

export interface NodeDetails {
  readonly id: string;
  readonly hostname: string;
  readonly role: 'worker' | 'manager';
  readonly availability: NodeAvailability;
  readonly state: NodeState;
  /** Why it is down: `heartbeat failure`; else empty. */
  readonly message: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly engineLabels: Readonly<Record<string, string>>;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** How many of each. */
  readonly genericResources: Readonly<Record<string, number>>;
}

export interface EngineNodes {
  /** By id or name. */
  inspect(id: string, call?: EngineCall): Promise<NodeDetails | undefined>;
  list(call?: EngineCall): Promise<readonly NodeDetails[]>;
  /** `drain` ends what runs there; `pause` only keeps new tasks away. */
  setAvailability(id: string, availability: NodeAvailability, call?: EngineCall): Promise<void>;
}

/** A configuration or a secret, without its content. */
export interface SwarmFile {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SwarmFileSpec {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Configurations or secrets of a swarm: what services get as files. They never change. */
export interface EngineSwarmFiles {
  /** Returns the id. More errors: `ENGINE_CONFLICT` when the name is taken. */
  create(spec: SwarmFileSpec, call?: EngineCall): Promise<string>;
  /** By id or name; not by the beginning of one. */
  inspect(id: string, call?: EngineCall): Promise<SwarmFile | undefined>;
  /** All, or those that carry every one of these labels. */
  list(options?: { readonly labels?: readonly string[] }, call?: EngineCall): Promise<readonly SwarmFile[]>;
  /** More errors: `ENGINE_RESOURCE_IN_USE`. */
  remove(id: string, call?: EngineCall): Promise<void>;
}
