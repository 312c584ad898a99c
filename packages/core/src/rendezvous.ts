import type { Duplex } from 'node:stream';
import type { ConnectionInfo } from './connection-info.ts';
import type { KernelExit } from './errors.ts';

/** What the launcher beside the kernel must be told, split by how carefully it has to travel. */
export interface LauncherParameters {
  /** May stand in argv and in logs. */
  readonly public: {
    readonly kernelId: string;
    /** `host:port` where the launcher answers; an IPv6 address stands in brackets. */
    readonly responseAddress: string;
    /** Version 1's RSA public key, base64 of its DER form. */
    readonly publicKey: string;
    /** `low..high`; `0..0` for no restriction. */
    readonly portRange: string;
  };
  /**
   * Version 2's key and one-time token, the value of `GP_LAUNCHER_V2`; empty when version 2 is not offered. Each backend
   * delivers it privately: 0600 file, Secret, stdin; never argv.
   */
  readonly secret: { readonly launcherV2: string };
}

/** A launcher's answer. */
export interface LauncherAnswer {
  readonly connection: ConnectionInfo;
  /** Of the protocol in which the launcher answered. */
  readonly version: 0 | 1 | 2;
  readonly pid?: number;
  readonly pgid?: number;
  /** From where the launcher answered; absent when it did so through the gateway's HTTP port. */
  readonly peerAddress?: string;
  /** A way to reach the launcher's own listener; absent when it has none. */
  readonly comm?: CommChannel;
}

/**
 * Enough to reach a launcher's listener again after a restart of the gateway: JSON, to be kept with the kernel's state.
 * A type alias, so that it is a `JsonObject`. `key` is a secret.
 */
// eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- an interface has no index signature
export type CommState = {
  readonly version: 1 | 2;
  readonly kernelId: string;
  /** Host name or address without brackets. A provisioner that knows a better way in may replace host and port. */
  readonly host: string;
  readonly port: number;
  /** Version 2: base64 of the 32 bytes that authenticate both ends. */
  readonly key?: string;
  /** Version 2: the kernel ends when the lease is not renewed for this long; absent or 0: never. */
  readonly leaseMs?: number;
};

/** What a launcher says about its kernel. */
export interface CommStatus {
  readonly alive: boolean;
  readonly pid?: number;
  /** How the kernel ended, with the last lines that it wrote; absent while it lives. */
  readonly exit?: KernelExit;
  /** Last lines that the kernel wrote. */
  readonly logTail: string;
}

export interface CommCallOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The launcher's listener beside the kernel. One request is under way at a time; later ones wait.
 * Errors of all calls: `KERNEL_UNREACHABLE` when the listener cannot be contacted or does not answer in time (nothing
 * is known about the kernel then), `PROTOCOL_ERROR` when it answers what it must not.
 */
export interface CommChannel {
  readonly state: CommState;
  /** Delivers a signal to the kernel. False when the listener refused the connection: nobody is there. */
  signal(signum: number, options?: CommCallOptions): Promise<boolean>;
  /**
   * False when the listener refused the connection, or said that the kernel has ended. A launcher of version 1 may
   * answer true once after its kernel has ended.
   */
  isAlive(options?: CommCallOptions): Promise<boolean>;
  /** Undefined when nobody is there, and for version 1, which cannot tell. */
  status(options?: CommCallOptions): Promise<CommStatus | undefined>;
  /** Tells the listener to end itself and, in version 2, the kernel. Succeeds when nobody is there. */
  shutdown(options?: CommCallOptions): Promise<void>;
  /**
   * Renews the lease now and every third of it until disposed of. Does nothing when there is no lease. `onProblem` hears
   * of each renewal that failed; attempts go on.
   */
  holdLease(options?: { readonly onProblem?: (error: Error) => void }): Disposable;
}

/**
 * Opens a stream to a launcher's listener. Rejects with a system error whose `code` is `ECONNREFUSED` when nobody
 * listens there; destroys what it opened when `signal` aborts.
 */
export type DialComm = (
  address: { readonly host: string; readonly port: number },
  options: { readonly signal: AbortSignal },
) => Promise<Duplex>;

export interface OpenCommOptions {
  /** How the listener is reached: an SSH forward, a port-forward. Default: TCP to the state's host and port. */
  readonly dial?: DialComm | undefined;
}

/** One launch that waits for its launcher. Dispose of it to forget the registration. */
export interface ExpectedLauncher extends AsyncDisposable {
  readonly parameters: LauncherParameters;
  /** Settles once: with the first valid answer, or with `LAUNCH_TIMEOUT` at the deadline. */
  readonly answer: Promise<LauncherAnswer>;
}

export interface ExpectOptions {
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  /** `low..high` for the launcher's ports. Default `0..0`, no restriction. */
  readonly portRange?: string | undefined;
  /** Which launchers may answer. Default `auto`: version 1 or 2. */
  readonly protocol?: 'auto' | 1 | 2 | undefined;
  /** Addresses from which the answer may come. Default: any. */
  readonly peers?: readonly string[] | undefined;
  /** Version 2's lease; 0 for none. Default one hour. */
  readonly leaseMs?: number | undefined;
}

/** Where launchers call home. Implemented by the launcher-protocol package. */
export interface Rendezvous {
  /** Registers a launch. One shot: a second answer is refused. */
  expect(kernelId: string, options: ExpectOptions): Promise<ExpectedLauncher>;
  /** Reaches the listener of a launcher that answered earlier, perhaps to another process. Nothing is contacted yet. */
  openComm(state: CommState, options?: OpenCommOptions): Promise<CommChannel>;
}
