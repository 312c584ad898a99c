import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Clock } from './clock.ts';
import type { KernelConnection, TransportEncryption } from './connection-info.ts';
import type { KernelExit } from './errors.ts';
import type { JsonObject, KernelSpec } from './kernel-spec.ts';
import type { ReportProgress } from './launch-progress.ts';
import type { Logger } from './logger.ts';
import type { Observed } from './observed.ts';
import type { Rendezvous } from './rendezvous.ts';

/** Version of this contract. A provisioner written for another one is refused with a clear error. */
export const PROVISIONER_API_VERSION = 1;

/** Whose a resource is: carried by every process, container, pod or application as label, tag or variable. */
export interface ResourceOwner {
  /** The gateway (or program) that made it; stable over its restarts. */
  readonly instanceId: string;
  readonly kernelId: string;
  /** 1 for the first start of a kernel, one more at each restart. */
  readonly incarnation: number;
}

/** JSON that is enough to find, attach to or remove what a launch created. Stored with the kernel's record. */
export type ProvisionerState = JsonObject;

/** Everything that a launch may depend on: immutable, and the only source. */
export interface LaunchContext extends ResourceOwner {
  /** Who the kernel belongs to; from authentication, never from the environment. */
  readonly owner: string;
  readonly kernelSpec: KernelSpec;
  /** The kernel's whole environment, resolved. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute working directory; absent when the caller named none. */
  readonly cwd?: string;
  /** Milliseconds since the epoch by which the launch must be done. */
  readonly deadline: number;
  /** Already reconciled with what the kernelspec declares: `auto` here means "encrypt, it is declared". */
  readonly transportEncryption: TransportEncryption;
  readonly rendezvous: Rendezvous;
  /**
   * Stores `state` durably before returning. Call it as soon as something exists that a crash must not leave behind,
   * and again whenever more is known.
   */
  checkpoint(state: ProvisionerState): Promise<void>;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface LaunchOptions extends CallOptions {
  readonly progress?: ReportProgress | undefined;
}

/** `unreachable`: cannot be told now. It is never a reason to declare a kernel dead. */
export type Liveness = 'alive' | 'dead' | 'unreachable';

/** Where another port of the kernel (a Spark UI, a debugger) can be reached from here. */
export interface KernelEndpoint {
  readonly host: string;
  readonly port: number;
}

/** What a kernel uses at this moment, all of its processes together. */
export interface KernelStats {
  /** Memory, without what the system caches of files for it. */
  readonly memoryBytes: number;
  /** Beyond which it is ended; where it has no limit, the memory of its machine. */
  readonly memoryLimitBytes: number;
  /** Processor time since its start, in milliseconds: twice that of a clock where two cores are busy. */
  readonly cpuMs: number;
  /** Of all its processes: what a limit of process ids counts. */
  readonly threads: number;
}

/**
 * A kernel that has been created and can be talked to.
 * Disposing of it lets go of what this process holds (sockets, timers, tunnels) and leaves the kernel running, so that
 * somebody may attach to it later; {@link LaunchedKernel.kill} is what ends it.
 */
export interface LaunchedKernel extends AsyncDisposable {
  /** A new value means that channels must be re-made: a tunnel broke, the application moved. */
  readonly connection: Observed<KernelConnection>;
  /** Settles when the kernel has ended, with the reason. Loss of contact never settles it; nor does it ever reject. */
  readonly exited: Promise<KernelExit>;
  /** Enough for {@link KernelProvisioner.attach}; may be read at any time. */
  readonly state: ProvisionerState;
  liveness(options?: CallOptions): Promise<Liveness>;
  /** What SIGINT would do, by the backend's best way. Not called for kernelspecs with `interrupt_mode: message`. */
  interrupt(options?: CallOptions): Promise<void>;
  /** Delivers a POSIX signal number to the kernel. No-op when it is gone. */
  signal(signum: number, options?: CallOptions): Promise<void>;
  /** Asks the kernel to end, as SIGTERM does. Returns at once; {@link LaunchedKernel.exited} tells the rest. */
  terminate(options?: CallOptions): Promise<void>;
  /**
   * Ends the kernel now and removes all that was created for it: processes, containers, files. Also called after the
   * kernel has ended by itself, to clean up. Idempotent: removing what is gone succeeds.
   */
  kill(options?: CallOptions): Promise<void>;
  /** The last `maxBytes` (default 16 KiB) of what the kernel wrote to stdout and stderr, as UTF-8. Empty if unknown. */
  logs(options?: CallOptions & { readonly maxBytes?: number }): Promise<string>;
  /** Undefined when the backend has no way to it. */
  endpoint(port: number, options?: CallOptions): Promise<KernelEndpoint | undefined>;
  /**
   * Undefined when it does not run, and where nobody can tell; absent where the backend never can. Rejects when the
   * backend cannot be asked now.
   */
  stats?(options?: CallOptions): Promise<KernelStats | undefined>;
}

/** Something of ours that exists in the backend. */
export interface OwnedResource extends ResourceOwner {
  /** Names it within the backend: a pid, a container id, an application id. */
  readonly id: string;
  /** For {@link KernelProvisioner.attach} and for messages. */
  readonly state: ProvisionerState;
}

export interface ResourceListing {
  readonly resources: readonly OwnedResource[];
  /** Parts of the backend that did not answer; what lives there is not in `resources`, and must not be forgotten. */
  readonly unreachable: readonly string[];
}

/** Who asks for the images of a kernelspec, and what a launch would have in `env` if its request set nothing. */
export type ImageRequest = Pick<LaunchContext, 'owner' | 'kernelSpec' | 'env'>;

/** An image that a launch may have. */
export interface OfferedImage {
  /** What a request puts into `KERNEL_IMAGE` to have it; the image itself where it has no other name. */
  readonly name: string;
  readonly image: string;
  /** True for the one that a request gets which names none. At most one is; absent means false. */
  readonly default?: boolean;
}

/** Images that a request may name in `KERNEL_IMAGE`: those that are this text, where `*` stands for any. */
export interface OfferedImagePattern {
  readonly pattern: string;
}

export type ImageOffer = OfferedImage | OfferedImagePattern;

/**
 * What a backend implements; nothing else is needed. One object serves all kernels that have the same settings.
 * Names of Jupyter's own contract, for readers who know it: `launch` is pre_launch + launch_kernel + post_launch,
 * `liveness`/`exited` are poll and wait, `signal` is send_signal, `kill` is kill + cleanup, `state`/`attach` are
 * get_provisioner_info and load_provisioner_info.
 */
export interface KernelProvisioner extends AsyncDisposable {
  /**
   * Creates the kernel and returns when it can be connected to. On any failure, abort included, everything that was
   * created is removed before the promise rejects.
   * Errors: `LAUNCH_FAILED` and `LAUNCH_TIMEOUT` with the tail of the kernel's log.
   */
  launch(context: LaunchContext, options?: LaunchOptions): Promise<LaunchedKernel>;
  /** Takes over a kernel that an earlier process launched. Undefined when it is gone. */
  attach(state: ProvisionerState, options?: CallOptions): Promise<LaunchedKernel | undefined>;
  /** All that exists and is marked with this instance id, attached or not. */
  list(options?: CallOptions): Promise<ResourceListing>;
  /** Removes one of them. Removing what is gone succeeds. */
  reap(resource: OwnedResource, options?: CallOptions): Promise<void>;
  /**
   * The images that a launch for this user may have: {@link KernelProvisioner.launch} accepts each of them, and a request
   * that names another is refused, or given one of them. Empty when there is none that the user may have. Absent where
   * kernels have no images. Errors: `INVALID_CONFIG`.
   */
  images?(request: ImageRequest, options?: CallOptions): Promise<readonly ImageOffer[]>;
}

/** What the host gives to a provisioner when it creates it. */
export interface ProvisionerServices {
  readonly instanceId: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** A folder of the host's where files may be kept, such as logs of kernels; exists, mode 0700. */
  readonly runtimeDir: string;
  /** The host's environment, for search paths; kernels get {@link LaunchContext.env} instead. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For {@link KernelProvisioner.attach}; a launch has its own in {@link LaunchContext.rendezvous}. */
  readonly rendezvous: Rendezvous;
}

/** Marks definitions, across copies of this package. */
export const PROVISIONER_BRAND = Symbol.for('gateway-provisioners.provisioner.v1');

export interface ProvisionerDefinitionInput<Config> {
  /** The name that kernelspecs use: `docker-provisioner`. Lower case, digits, `-`, `.` and `_`. */
  readonly name: string;
  readonly apiVersion: number;
  /** Any Standard Schema (zod, valibot, arktype, …). Input: the gateway's settings overlaid by the kernelspec's. */
  readonly configSchema: StandardSchemaV1<unknown, Config>;
  create(services: ProvisionerServices, config: Config): KernelProvisioner | Promise<KernelProvisioner>;
}

/** A provisioner as the registry sees it: settings are checked and bound in one step. */
export interface ProvisionerDefinition {
  readonly name: string;
  readonly apiVersion: number;
  readonly configSchema: StandardSchemaV1;
  readonly [PROVISIONER_BRAND]: true;
  /** Checks `config` and creates the provisioner. Errors: `INVALID_CONFIG` with every problem. */
  createChecked(services: ProvisionerServices, config: unknown): Promise<KernelProvisioner>;
}
