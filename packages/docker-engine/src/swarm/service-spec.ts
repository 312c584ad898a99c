import type { ContainerSpec, Ulimit } from '../container-spec.ts';

/** A configuration or a secret as a file in each container of a service. */
export interface ServiceFile {
  /** Name of the configuration or secret. */
  readonly name: string;
  /** Path of the file. Default: `/<name>` for a configuration, `/run/secrets/<name>` for a secret. */
  readonly target?: string;
  /** Default 0. */
  readonly uid?: number;
  /** Default 0. */
  readonly gid?: number;
  /** Default 0o444. */
  readonly mode?: number;
}

export interface ServiceResources {
  /** Cores, such as 1.5. */
  readonly cpuLimit?: number;
  /** Cores that the scheduler sets aside on the node. */
  readonly cpuReservation?: number;
  readonly memoryLimitBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly pidsLimit?: number;
  readonly ulimits?: readonly Ulimit[];
  /** What nodes offer in whole numbers, such as `{ gpu: 1 }`; reserved by the scheduler. */
  readonly genericResources?: Readonly<Record<string, number>>;
}

export interface ServiceNetwork {
  /** Name or id of a network of scope swarm; also `host`. */
  readonly name: string;
  /** More names of the service on this network. */
  readonly aliases?: readonly string[];
}

export interface ServicePort {
  readonly targetPort: number;
  /** Default: chosen by the swarm. */
  readonly publishedPort?: number;
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
  /** `host`: on the node that the task runs on. Default `ingress`: on every node. */
  readonly mode?: 'ingress' | 'host';
}

export interface RestartPolicy {
  readonly condition: 'none' | 'on-failure' | 'any';
  readonly maxAttempts?: number;
  readonly delayMs?: number;
}

type FromContainer =
  | 'image'
  | 'command'
  | 'entrypoint'
  | 'env'
  | 'user'
  | 'supplementaryGroups'
  | 'workingDir'
  | 'hostname'
  | 'extraHosts'
  | 'dns'
  | 'mounts'
  | 'readOnlyRoot'
  | 'init'
  | 'capDrop'
  | 'capAdd'
  | 'logDriver'
  | 'logOptions';

/**
 * All that a service is made from. Nothing in it is interpreted by a shell; the engine replaces `{{.Service.Name}}` and
 * its like in `hostname`, `env` and the sources of mounts. There is no size of /dev/shm: mount a tmpfs there.
 */
export interface ServiceSpec extends Pick<ContainerSpec, FromContainer> {
  /** At most 63 characters, as a DNS name's part. */
  readonly name: string;
  /** Labels of the service; its containers do not carry them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Labels of its containers. */
  readonly containerLabels?: Readonly<Record<string, string>>;
  readonly configs?: readonly ServiceFile[];
  readonly secrets?: readonly ServiceFile[];
  readonly resources?: ServiceResources;
  /** Such as `node.labels.zone==a`. */
  readonly constraints?: readonly string[];
  /** Label to spread tasks over, such as `node.labels.rack`; with `spread=` before it or not. */
  readonly preferences?: readonly string[];
  readonly networks?: readonly (string | ServiceNetwork)[];
  /** How its name resolves: to one virtual address (the default), or to those of its tasks. */
  readonly endpointMode?: 'vip' | 'dnsrr';
  readonly ports?: readonly ServicePort[];
  /** Default: a task is never run again. */
  readonly restart?: RestartPolicy;
  /** Default 1. */
  readonly replicas?: number;
  readonly stopSignal?: string;
  /** Seconds between the signal and SIGKILL. */
  readonly stopGraceSeconds?: number;
  /** Known from version 1.46 of the Engine API on; an older engine passes over it. */
  readonly noNewPrivileges?: boolean;
}
