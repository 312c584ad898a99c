/** What is mounted into a container. */
export type ContainerMount =
  | {
      readonly type: 'bind';
      /** Absolute path on the engine's machine; it must exist. */
      readonly source: string;
      readonly target: string;
      readonly readOnly?: boolean;
      readonly propagation?: 'private' | 'rprivate' | 'shared' | 'rshared' | 'slave' | 'rslave';
    }
  | {
      readonly type: 'volume';
      /** Name of the volume, made when it is missing; left out: a nameless one. */
      readonly source?: string;
      readonly target: string;
      readonly readOnly?: boolean;
      readonly driver?: string;
      readonly driverOptions?: Readonly<Record<string, string>>;
      /** Labels of the volume, if this makes it. */
      readonly labels?: Readonly<Record<string, string>>;
      /** Do not copy what the image has at `target` into a new volume. */
      readonly noCopy?: boolean;
    }
  | {
      readonly type: 'tmpfs';
      readonly target: string;
      readonly sizeBytes?: number;
      /** Permissions, such as 0o1777. */
      readonly mode?: number;
    };

export interface Ulimit {
  /** Without the prefix: `nofile`, `nproc`. */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

export interface DeviceMapping {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Any of `r`, `w`, `m`. */
  readonly permissions: string;
}

export interface GpuRequest {
  /** How many; `all`, or exactly the devices of `deviceIds`. */
  readonly count?: number | 'all';
  readonly deviceIds?: readonly string[];
  /** Default: whichever driver offers the capability. */
  readonly driver?: string;
  readonly capabilities?: readonly string[];
}

export interface ContainerResources {
  /** Cores, such as 1.5. */
  readonly cpus?: number;
  /** Relative weight against other containers; the engine's default is 1024. */
  readonly cpuShares?: number;
  /** Cores to run on: `0-2,7`. */
  readonly cpusetCpus?: string;
  readonly memoryBytes?: number;
  /** Soft limit, kept when the machine runs out of memory. */
  readonly memoryReservationBytes?: number;
  /** Memory and swap together; equal to `memoryBytes`: no swap. */
  readonly memorySwapBytes?: number;
  readonly shmBytes?: number;
  readonly pidsLimit?: number;
  readonly ulimits?: readonly Ulimit[];
  readonly gpus?: GpuRequest;
}

export interface PublishedPort {
  readonly containerPort: number;
  /** Address of the engine's machine; empty for all of them. */
  readonly hostAddress: string;
}

/** All that a container is made from. Nothing in it is interpreted by a shell. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  /** Default: the image's. */
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** `uid:gid`, numbers or names. */
  readonly user?: string;
  readonly supplementaryGroups?: readonly string[];
  readonly workingDir?: string;
  readonly hostname?: string;
  /** A network's name; also `bridge`, `host`, `none`. Default: the engine's. */
  readonly network?: string;
  /** TCP ports that are bound on the engine's machine, each at a free port of its own. */
  readonly publishedPorts?: readonly PublishedPort[];
  /** `name:address` lines of /etc/hosts; the address may be `host-gateway`. */
  readonly extraHosts?: readonly string[];
  readonly dns?: readonly string[];
  readonly mounts?: readonly ContainerMount[];
  readonly resources?: ContainerResources;
  readonly devices?: readonly DeviceMapping[];
  readonly readOnlyRoot?: boolean;
  /** A small init as process 1, which reaps and forwards signals. */
  readonly init?: boolean;
  readonly capDrop?: readonly string[];
  readonly capAdd?: readonly string[];
  readonly securityOptions?: readonly string[];
  readonly runtime?: string;
  readonly logDriver?: string;
  readonly logOptions?: Readonly<Record<string, string>>;
  /** Seconds between SIGTERM and SIGKILL when somebody stops it. */
  readonly stopTimeoutSeconds?: number;
}
