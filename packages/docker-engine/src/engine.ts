import type { Cancellation } from '@gateway-provisioners/core';
import type { ContainerSpec } from './container-spec.ts';
import type { EngineCall } from './engine-call.ts';
import type { EngineNetworks, EngineVolumes } from './engine-resources.ts';
import type { EngineNodes, EngineServices, EngineSwarm, EngineSwarmFiles, EngineTasks } from './swarm/engine-swarm.ts';

export interface EngineVersion {
  readonly version: string;
  /** Version of the Engine API that calls use: the newest that both sides know. */
  readonly apiVersion: string;
  readonly os: string;
  readonly arch: string;
}

export type ContainerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface ContainerState {
  readonly status: ContainerStatus;
  readonly exitCode: number;
  /** The memory limit was hit by one of its processes, whatever the exit code. */
  readonly oomKilled: boolean;
  /** The engine's own words when it could not be started; else empty. */
  readonly error: string;
}

export interface ContainerNetwork {
  /** Empty until it runs, and in the host's network. */
  readonly ipAddress: string;
  readonly globalIPv6Address: string;
  readonly gateway: string;
}

export interface ContainerDetails {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  /** `bridge`, `host`, `none`, or the network's name. */
  readonly networkMode: string;
  readonly networks: Readonly<Record<string, ContainerNetwork>>;
  /** TCP ports of the container by those of the engine's machine where they are reached while it runs. */
  readonly publishedPorts: ReadonlyMap<number, number>;
}

export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: string;
}

export interface ContainerStats {
  /** As `docker stats` shows it: without the cache of files that can be taken back. 0 when it does not run. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  /** Processor time of all its processes since its start. */
  readonly cpuNanoseconds: number;
  /** Processes and their threads. */
  readonly pids: number;
}

/** A file that is put into a container; a folder, when its path ends with a slash. */
export interface ContainerFile {
  /** Absolute; the folder that it is in must exist. */
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Containers. Absence is a value: what is asked of a container that is gone succeeds, or answers undefined or false.
 * Errors of every call: `ENGINE_UNAVAILABLE` (no contact), `ENGINE_REFUSED` (it said no: status and its words),
 * `DEADLINE_EXCEEDED`, `CANCELLED`.
 */
export interface EngineContainers {
  /** Returns the id. More errors: `IMAGE_NOT_FOUND`, `ENGINE_CONFLICT` when the name is taken. */
  create(spec: ContainerSpec, call?: EngineCall): Promise<string>;
  /** Starting what runs succeeds. */
  start(id: string, call?: EngineCall): Promise<void>;
  /** By id or name. */
  inspect(id: string, call?: EngineCall): Promise<ContainerDetails | undefined>;
  /** All, running or not, that carry every one of these labels (`key` or `key=value`). */
  list(options: { readonly labels: readonly string[] }, call?: EngineCall): Promise<readonly ContainerSummary[]>;
  /** Delivers a signal to its first process: a number or a name. False when it does not run. */
  kill(id: string, signal: number | string, call?: EngineCall): Promise<boolean>;
  /** SIGTERM, then SIGKILL after `graceSeconds`. False when it does not run. */
  stop(id: string, graceSeconds: number, call?: EngineCall): Promise<boolean>;
  /** Ends it if it runs, and removes it with its nameless volumes. */
  remove(id: string, call?: EngineCall): Promise<void>;
  /** Waits for its end and returns the exit code; undefined when it is gone. Has no deadline of its own. */
  wait(id: string, call?: EngineCall): Promise<number | undefined>;
  /** The last `maxBytes` of stdout and stderr as UTF-8; empty when it is gone. */
  logs(id: string, options: { readonly maxBytes: number }, call?: EngineCall): Promise<string>;
  stats(id: string, call?: EngineCall): Promise<ContainerStats | undefined>;
  /** Puts files into a container that exists, running or not; its root must be writable. */
  putFiles(id: string, files: readonly ContainerFile[], call?: EngineCall): Promise<void>;
}

export interface PullProgress {
  /** "pulling kernel-py: 2 of 5 layers, 34 of 120 MB" */
  readonly message: string;
  readonly layersDone: number;
  readonly layers: number;
  /** 0..1, of the bytes that are known by now. */
  readonly fraction: number;
}

export interface ImageDetails {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

export interface EngineImages {
  /** Undefined when the engine does not have it. */
  inspect(image: string, call?: EngineCall): Promise<ImageDetails | undefined>;
  /**
   * Fetches an image with the credentials of the Docker configuration. Has no deadline of its own.
   * Errors: `IMAGE_NOT_FOUND` when the registry does not have it or does not give it to us, `IMAGE_PULL_FAILED`.
   */
  pull(image: string, call?: EngineCall & { readonly progress?: (progress: PullProgress) => void }): Promise<void>;
}

/** Something that happened in the engine. */
export interface EngineEvent {
  /** `container`, `image`, `service`, `node`, … There are none of tasks. */
  readonly type: string;
  /** `create`, `start`, `oom`, `kill`, `die`, `stop`, `destroy`, `update`, `remove`, … */
  readonly action: string;
  /** `swarm` for what concerns a swarm, which only its managers tell; else `local`. */
  readonly scope: string;
  readonly id: string;
  /** Labels of containers, `name`, `image`, `exitCode`, `signal`, `state.old`, `state.new` of nodes. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
}

export interface EventFilter {
  readonly types?: readonly string[];
  readonly actions?: readonly string[];
  /** `key` or `key=value`; all must be there. Events of services and nodes have none, and are left out then. */
  readonly labels?: readonly string[];
  /** Default: both. */
  readonly scopes?: readonly ('local' | 'swarm')[];
}

export interface EventListener {
  onEvent(event: EngineEvent): void;
  /** The stream stands, now or again. What happened while it did not is told by `onEvent` where the engine knows it. */
  onConnected?(): void;
  /** The stream broke; it is being made again. */
  onDisconnected?(error: Error): void;
}

/** An engine: the only thing that provisioners know of Docker. Dispose of it to let go of its connections. */
export interface DockerEngine extends AsyncDisposable {
  /** Where it is, for messages: `unix:///var/run/docker.sock`. */
  readonly address: string;
  readonly containers: EngineContainers;
  readonly images: EngineImages;
  readonly networks: EngineNetworks;
  readonly volumes: EngineVolumes;
  readonly swarm: EngineSwarm;
  readonly services: EngineServices;
  readonly tasks: EngineTasks;
  readonly nodes: EngineNodes;
  readonly configs: EngineSwarmFiles;
  readonly secrets: EngineSwarmFiles;
  ping(call?: EngineCall): Promise<void>;
  version(call?: EngineCall): Promise<EngineVersion>;
  /**
   * One stream of events, made again whenever it breaks, from where it broke, until cancelled. An event may come twice.
   */
  watch(filter: EventFilter, listener: EventListener): Cancellation;
}
