import type {
  CallOptions,
  Clock,
  JsonObject,
  KernelProvisioner,
  KernelSpec,
  Logger,
  ProvisionerDefinition,
  Rendezvous,
  TransportEncryption,
} from '@gateway-provisioners/core';
import type { KernelStore } from './store/kernel-store.ts';

/** The part of core's registry that a manager needs. */
export interface ProvisionerSource {
  /**
   * The provisioner for these settings; the same object for the same name and settings.
   * Errors: `PROVISIONER_NOT_FOUND`, `PROVISIONER_LOAD_FAILED`, `INVALID_CONFIG`, …
   */
  provisionerFor(name: string, config: JsonObject, options?: CallOptions): Promise<KernelProvisioner>;
}

/** Where kernelspecs come from: the kernelspec package's folders, or `kernelSpecsOf` for some made in code. */
export interface KernelSpecSource {
  /** Any case. Errors: `KERNELSPEC_NOT_FOUND` with close names, `KERNELSPEC_INVALID`. */
  find(name: string, options?: CallOptions): Promise<KernelSpec>;
  list(options?: CallOptions): Promise<{ readonly specs: readonly KernelSpec[] }>;
  /** Used when a start names none. */
  defaultName(options?: CallOptions): Promise<string>;
}

export interface KernelLimits {
  /** Kernels running or starting. Default: no limit. */
  readonly maxKernels?: number | undefined;
  /** The same per owner; 0 means that nobody may start one. Default: no limit. */
  readonly maxKernelsPerOwner?: number | undefined;
}

/** Enterprise Gateway's four settings, in milliseconds. */
export interface CullingOptions {
  /** A kernel without activity for longer is shut down. Default 0: never. */
  readonly idleTimeoutMs?: number | undefined;
  /** How often is looked. Default 300,000 (5 minutes). */
  readonly intervalMs?: number | undefined;
  /** Also those that have clients. Default false. */
  readonly connected?: boolean | undefined;
  /** Also those that are busy. Default false. */
  readonly busy?: boolean | undefined;
}

/** Bounds of what is kept for a client that is away, per kernel. What exceeds them is dropped oldest first, marked. */
export interface JournalOptions {
  /** Default 100,000. */
  readonly maxMessages?: number | undefined;
  /** Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Default 24 hours; also how long an absent session id is remembered. */
  readonly maxAgeMs?: number | undefined;
}

export interface AutoRestartOptions {
  /** Restarts in a row of a kernel that dies by itself; 0 turns it off. Default 5. */
  readonly limit?: number | undefined;
  /** A kernel that lived this long starts the count anew. Default 10,000. */
  readonly stableAfterMs?: number | undefined;
}

export interface KernelManagerOptions {
  /** Where kernels can run. Give either these or a {@link KernelManagerOptions.registry}. */
  readonly provisioners?: readonly ProvisionerDefinition[] | undefined;
  /** A registry that the caller owns, for settings, configured or discovered provisioners. */
  readonly registry?: ProvisionerSource | undefined;
  /** Default: what is installed on this machine by Jupyter's search path under `env`, and the kernels that need no spec. */
  readonly kernelspecs?: KernelSpecSource | undefined;
  /**
   * Folder for connection files and logs of kernels, for `provisioners`. Default: a new one in the system's temporary
   * folder, removed when the manager is closed with `{ kernels: 'end' }`.
   */
  readonly runtimeDir?: string | undefined;
  /** Records of kernels. Default: {@link memoryStore}, which forgets them when the process ends. */
  readonly store?: KernelStore | undefined;
  /** Stands on every resource that is created. Default: the store's own, chosen once. */
  readonly instanceId?: string | undefined;
  /** The host's environment, of which kernels inherit what `inheritedEnv` and core's list name. Default: empty. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Names of the host's variables that kernels inherit beyond PATH, HOME and the like. Default: none. */
  readonly inheritedEnv?: readonly string[] | undefined;
  /** Names of variables that a start may set beyond `KERNEL_*`; `*` for all. Default: `['*']`: the caller is trusted. */
  readonly allowedRequestEnv?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
  readonly logger?: Logger | undefined;
  /**
   * Where launchers of remote backends call home. Default: a response listener of the manager's own, configured by the
   * `GP_RESPONSE_…` variables of `env` and opened when the first kernel needs it.
   */
  readonly rendezvous?: Rendezvous | undefined;
  /** How kernels are spoken to. Default `auto`. */
  readonly engine?: 'auto' | 'zmtp' | 'zeromq' | undefined;
  /** Default: `disabled` for kernels of `local-provisioner`, `auto` for others. */
  readonly transportEncryption?: TransportEncryption | undefined;
  readonly limits?: KernelLimits | undefined;
  /**
   * From the call of `start` to the kernel's first answer, in milliseconds, where neither the start nor the kernelspec
   * (`launch_timeout`, in seconds) says it. Default 40,000.
   */
  readonly launchTimeoutMs?: number | undefined;
  /** Patience of a graceful shutdown before the kernel is killed, in milliseconds. Default 5,000. */
  readonly shutdownWaitMs?: number | undefined;
  readonly culling?: CullingOptions | undefined;
  readonly journal?: JournalOptions | undefined;
  readonly autoRestart?: AutoRestartOptions | undefined;
  /** What may wait for a client that reads slowly, in bytes. Default 64 MiB. */
  readonly clientQueueBytes?: number | undefined;
  /** Largest message accepted from a kernel, in bytes. Default: wire's (256 MiB). */
  readonly maxMessageBytes?: number | undefined;
}
