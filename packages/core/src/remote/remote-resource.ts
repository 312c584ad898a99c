import type { Observed } from '../observed.ts';
import type { ConnectionInfo, KernelConnection } from '../connection-info.ts';
import type { KernelExit } from '../errors.ts';
import type { JsonObject } from '../kernel-spec.ts';
import type { CallOptions, KernelEndpoint, KernelStats, Liveness } from '../provisioner.ts';
import type { DialComm } from '../rendezvous.ts';

/**
 * What a backend has created for one kernel: a container, a pod, processes on another host. All that
 * {@link launchRemoteKernel} and {@link attachRemoteKernel} need to make a kernel of it.
 * Disposing of it lets go of what this process holds for it (streams, watches) and leaves it running.
 */
export interface RemoteResource extends AsyncDisposable {
  /** Settles when it has ended, with the reason. Never rejects; loss of contact never settles it. */
  readonly ended: Promise<KernelExit>;
  /** Enough to find it again. */
  readonly state: JsonObject;
  liveness(options: CallOptions): Promise<Liveness>;
  /** Delivers a signal by the backend's own way: used when the launcher's listener cannot be reached. */
  signal(signum: number, options: CallOptions): Promise<void>;
  /** Ends it now and removes all that was created. Idempotent: removing what is gone succeeds. */
  remove(options: CallOptions): Promise<void>;
  /** The end of what it wrote to stdout and stderr. */
  logs(options: CallOptions & { readonly maxBytes?: number }): Promise<string>;
  /** A way to another of its ports. Default: none. */
  endpoint?(port: number, options: CallOptions): Promise<KernelEndpoint | undefined>;
  /** As {@link LaunchedKernel.stats}. Default: undefined. */
  stats?(options: CallOptions): Promise<KernelStats | undefined>;
}

/** What the launcher said, now or before a restart of the gateway. */
export interface LauncherFacts {
  readonly connection: ConnectionInfo;
  /** From where the launcher answered, where that is known. */
  readonly peerAddress?: string;
}

/** How a kernel is reached from here. */
export interface WayToKernel {
  /** Observed, where the way may be made anew: a tunnel, an application that moves. */
  readonly connection: KernelConnection | Observed<KernelConnection>;
  /** Where the launcher's listener is, when that is not from where it answered. */
  readonly commHost?: string;
  /** How to open a stream to it. Default: TCP. */
  readonly dialComm?: DialComm;
}
