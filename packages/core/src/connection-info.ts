import type { Duplex } from 'node:stream';

/** The kernel's channels that carry messages. The heartbeat is not one of them: liveness comes from the provisioner. */
export type ChannelName = 'shell' | 'iopub' | 'stdin' | 'control';

export const channelNames: readonly ChannelName[] = ['shell', 'iopub', 'stdin', 'control'];

/**
 * How to reach a kernel: the contents of a Jupyter connection file, with its names.
 * Ports are 1..65535 for `tcp`; for `ipc` the socket of a port `n` is the path `<ip>-<n>`.
 */
export interface ConnectionInfo {
  readonly transport: 'tcp' | 'ipc';
  /** Host name, IPv4 or IPv6 address without brackets; for `ipc` the prefix of the socket paths. */
  readonly ip: string;
  readonly shell_port: number;
  readonly iopub_port: number;
  readonly stdin_port: number;
  readonly control_port: number;
  readonly hb_port: number;
  /** HMAC key; empty disables signing. A secret. */
  readonly key: string;
  readonly signature_scheme: 'hmac-sha256';
  readonly kernel_name?: string;
  /** CurveZMQ keys of the kernel's sockets, Z85, 40 characters each: both or none. Secrets. */
  readonly curve_publickey?: string;
  readonly curve_secretkey?: string;
}

/** A way to open a byte stream to one channel of a kernel: TCP, a unix socket, an SSH forward, a port-forward. */
export interface ChannelTransport {
  connect(channel: ChannelName, options: { readonly signal?: AbortSignal | undefined }): Promise<Duplex>;
}

/** What a client needs to talk to a running kernel. A new value means: reconnect. */
export interface KernelConnection {
  readonly info: ConnectionInfo;
  /** Absent: dial `info` directly. */
  readonly transport?: ChannelTransport;
}

/** Whether kernel channels are encrypted with CurveZMQ: the policy words of jupyter_client. */
export type TransportEncryption = 'disabled' | 'auto' | 'required';
