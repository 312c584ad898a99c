import type { ConnectionInfo } from './connection-info.ts';

/** What the launcher beside the kernel must be told, split by how carefully it has to travel. */
export interface LauncherParameters {
  /** May stand in argv and in logs. */
  readonly public: {
    readonly kernelId: string;
    /** `host:port` where the launcher answers. */
    readonly responseAddress: string;
    /** Version 1's RSA public key, base64 of its DER form. */
    readonly publicKey: string;
    /** `low..high`; `0..0` for no restriction. */
    readonly portRange: string;
  };
  /** Version 2's key and one-time token. Each backend delivers it privately: 0600 file, Secret, stdin; never argv. */
  readonly secret: { readonly launcherV2: string };
}

/** A launcher's answer. */
export interface LauncherAnswer {
  readonly connection: ConnectionInfo;
  readonly pid?: number;
  readonly pgid?: number;
  /** A way to reach the launcher's own listener; absent when it has none. */
  readonly comm?: CommChannel;
}

/** The launcher's listener beside the kernel. */
export interface CommChannel {
  /** Delivers a signal to the kernel. False when the listener refused the connection: nobody is there. */
  signal(signum: number, options: { readonly signal?: AbortSignal | undefined }): Promise<boolean>;
  /** Tells the listener to end itself and the kernel. */
  shutdown(options: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/** One launch that waits for its launcher. Dispose of it to forget the registration. */
export interface ExpectedLauncher extends AsyncDisposable {
  readonly parameters: LauncherParameters;
  /** Settles once: with the first valid answer, or with `LAUNCH_TIMEOUT` at the deadline. */
  readonly answer: Promise<LauncherAnswer>;
}

/** Where launchers call home. Implemented by the launcher-protocol package. */
export interface Rendezvous {
  /** Registers a launch. One shot: a second answer is refused. `deadline` is in milliseconds since the epoch. */
  expect(kernelId: string, options: { readonly deadline: number }): Promise<ExpectedLauncher>;
}
