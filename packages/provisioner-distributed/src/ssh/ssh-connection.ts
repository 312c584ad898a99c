import type { Duplex } from 'node:stream';

/** One connection to an SSH server: all that the rest of this package needs of an SSH library. */
export interface SshConnection {
  /** Settles when the connection has ended, with the reason where there is one. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  readonly isOpen: boolean;
  /** Runs the constant command `exec /bin/sh`, which reads its program from `stdin`. */
  exec(options: SshExecOptions): Promise<SshExecResult>;
  /** A stream to an address as the server sees it. Rejects with `ECONNREFUSED` where nobody listens. */
  forwardOut(address: SshAddress, options: { readonly signal?: AbortSignal | undefined }): Promise<Duplex>;
  /** Listens on the server's loopback, at a port that it chooses, and hands over what connects there. */
  forwardIn(
    onConnection: (stream: Duplex) => void,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<SshReverseForward>;
  sftp(options: { readonly signal?: AbortSignal | undefined }): Promise<SftpSession>;
  /** Ends the connection and all that runs through it. */
  close(): void;
}

export interface SshAddress {
  readonly host: string;
  readonly port: number;
}

export interface SshExecOptions {
  readonly stdin: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Hears of output as it comes; it is then not kept. */
  readonly onStdout?: ((chunk: Buffer) => void) | undefined;
}

export interface SshExecResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Undefined when it was ended by a signal, or the connection broke. */
  readonly exitCode: number | undefined;
}

export interface SshReverseForward {
  readonly port: number;
  close(): Promise<void>;
}

/** File transfer; paths are relative to the home folder unless absolute. */
export interface SftpSession extends Disposable {
  exists(path: string): Promise<boolean>;
  /** Makes a folder that only its owner may change; its parent must exist. Succeeds where it is there already. */
  makeFolder(path: string): Promise<void>;
  put(path: string, content: Uint8Array, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
}

/** Who is logged in where, and how. Values are resolved: no aliases, no `~`. */
export interface SshTarget {
  /** As the operator calls the host. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The name under which its key is looked up. */
  readonly hostKeyName: string;
  /** The port that goes with that name. Default: {@link port}; 22 for an alias, which stands for itself. */
  readonly hostKeyPort?: number | undefined;
  readonly knownHostsFiles: readonly string[];
  readonly hostKeyChecking: 'strict' | 'accept-new';
  readonly keyFiles: readonly string[];
  /** Missing key files are an error rather than passed over. */
  readonly keyFilesRequired: boolean;
  /** Tried after those, where they are there and need no passphrase. */
  readonly otherKeyFiles?: readonly string[] | undefined;
  readonly agent?: string | undefined;
  /** A secret. */
  readonly password?: string | undefined;
  /** For key files. A secret. */
  readonly passphrase?: string | undefined;
  /** A host through which this one is reached. */
  readonly via?: SshTarget | undefined;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveCountMax: number;
  /** For the TCP connection and the handshake together. */
  readonly connectTimeoutMs: number;
}
