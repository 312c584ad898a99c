import type { EngineCall } from './engine-call.ts';

export interface NetworkDetails {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** `local`, `swarm`, `global`. */
  readonly scope: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Containers can be attached to it; a matter of networks of scope swarm. */
  readonly attachable: boolean;
  /** Addresses of the engine's machine on this network. */
  readonly gateways: readonly string[];
}

export interface NetworkSpec {
  readonly name: string;
  /** Default: the engine's, `bridge`. */
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  /** Default: what the driver is made for: `swarm` for an overlay, else `local`. */
  readonly scope?: 'local' | 'swarm';
  readonly labels?: Readonly<Record<string, string>>;
  readonly attachable?: boolean;
  /** Nothing leaves it. */
  readonly internal?: boolean;
  /** Such as `10.1.2.0/24`. Default: chosen by the engine. */
  readonly subnet?: string;
}

export interface EngineNetworks {
  /** By id or name. */
  inspect(network: string, call?: EngineCall): Promise<NetworkDetails | undefined>;
  /** All, or those that carry every one of these labels. */
  list(options?: { readonly labels?: readonly string[] }, call?: EngineCall): Promise<readonly NetworkDetails[]>;
  /** Returns the id. More errors: `ENGINE_CONFLICT` when the name is taken. */
  create(spec: NetworkSpec, call?: EngineCall): Promise<string>;
  /** Succeeds when it is gone. More errors: `ENGINE_RESOURCE_IN_USE`. */
  remove(network: string, call?: EngineCall): Promise<void>;
}

export interface VolumeDetails {
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly driverOptions: Readonly<Record<string, string>>;
}

export interface VolumeSpec {
  readonly name: string;
  /** Default `local`. */
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Volumes of this engine; in a swarm each node has its own. */
export interface EngineVolumes {
  /**
   * Creating what is there already succeeds and changes nothing.
   * More errors: `ENGINE_CONFLICT` when another driver has a volume of this name, `ENGINE_RESOURCE_NOT_FOUND` when the
   * engine lacks the driver.
   */
  create(spec: VolumeSpec, call?: EngineCall): Promise<VolumeDetails>;
  inspect(name: string, call?: EngineCall): Promise<VolumeDetails | undefined>;
  /** All, or those that carry every one of these labels. */
  list(options?: { readonly labels?: readonly string[] }, call?: EngineCall): Promise<readonly VolumeDetails[]>;
  /** Succeeds when it is gone. More errors: `ENGINE_RESOURCE_IN_USE` while a container has it, running or not. */
  remove(name: string, call?: EngineCall): Promise<void>;
}
