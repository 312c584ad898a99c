import type { Duplex } from 'node:stream';
import type { ShellHost } from '../shell/run-program.ts';
import type { SshAddress, SshExecOptions, SshExecResult } from '../ssh/ssh-connection.ts';

export interface HostCall {
  readonly signal?: AbortSignal | undefined;
}

/** A file that is copied to a host. */
export interface BundleFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
}

/** Files that belong together, named by what is in them. */
export interface Bundle {
  readonly hash: string;
  readonly files: readonly BundleFile[];
}

/** How launchers on a host reach our response listener. Dispose of it when they have. */
export interface ResponseWay extends AsyncDisposable {
  /** What they are told. */
  readonly address: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A machine that kernels run on: another one over SSH, or this one. */
export interface KernelHost extends ShellHost {
  /** The same for all names of one account on one machine. */
  readonly id: string;
  /** The same for all accounts and names of one machine. */
  readonly machine: string;
  /** As the operator calls it. */
  readonly name: string;
  /** Where its ports are dialled when no tunnel is used. */
  readonly address: string;
  /** Kernels are reached, and call home, through the SSH connection. */
  readonly isTunnelled: boolean;
  readonly isLocal: boolean;
  /** Whose programs these are, where that is not the account that is logged in. */
  readonly user: string | undefined;
  /** The account that is logged in; this object itself, unless {@link user} says otherwise. */
  readonly login: KernelHost;
  /** Until when a host that could not be reached is left aside: milliseconds since the epoch. */
  readonly avoidUntil: number | undefined;
  /** A program that runs for long and takes none of the few sessions that others wait for. */
  execAside(options: SshExecOptions): Promise<SshExecResult>;
  /** A stream to one of its ports, as it sees them. */
  dial(address: SshAddress, call: HostCall): Promise<Duplex>;
  /** What a launcher there must be told to reach this response address of ours. */
  openResponseWay(responseAddress: string, call: HostCall): Promise<ResponseWay>;
  /** Copies a bundle to its folder, complete or not at all. Its parent exists. */
  upload(bundle: Bundle, remoteDir: string, call: HostCall): Promise<void>;
  /** While held, a lost connection is made anew. */
  hold(): Disposable;
}
