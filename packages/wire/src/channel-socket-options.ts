import { ProvisionerError } from '@gateway-provisioners/core';
import type { ChannelName, ConnectionInfo } from '@gateway-provisioners/core';
import type { ChannelSocketOptions } from './channel-socket.ts';

export const DEFAULT_MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
export const DEFAULT_MAX_QUEUED_BYTES = 64 * 1024 * 1024;

const MAX_IDENTITY_BYTES = 255;
const MAX_PORT = 65_535;

/** Where a channel is dialled. */
export type ChannelAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** The address of one channel. Errors: `INVALID_CONNECTION_INFO`. */
export function channelAddress(info: ConnectionInfo, channel: ChannelName): ChannelAddress {
  const port = info[`${channel}_port`];
  if (!Number.isInteger(port) || port < 1 || (info.transport === 'tcp' && port > MAX_PORT)) {
    throw invalidInfo(`${channel}_port is ${String(port)}, not a port`);
  }
  if (info.ip === '') throw invalidInfo('ip is empty');
  return info.transport === 'ipc' ? { path: `${info.ip}-${port}` } : { host: info.ip, port };
}

/** What every engine checks before it opens a socket. Errors: `INVALID_CONNECTION_INFO`, `INVALID_ARGUMENT`. */
export function checkSocketOptions(options: ChannelSocketOptions): void {
  if (options.connection.transport === undefined) channelAddress(options.connection.info, options.channel);
  if (options.channel === 'iopub') return;
  const { length } = options.identity;
  // RFC 23: identities that begin with a zero byte belong to the peer.
  if (length === 0 || length > MAX_IDENTITY_BYTES || options.identity[0] === 0) {
    throw new ProvisionerError(
      'INVALID_ARGUMENT',
      `identity: 1 to ${MAX_IDENTITY_BYTES} bytes are needed, the first not zero (got ${length} bytes)`,
    );
  }
}

/** True when the kernel's sockets are CURVE servers. */
export function hasCurveKey(info: ConnectionInfo): boolean {
  return info.curve_publickey !== undefined && info.curve_publickey !== '';
}

function invalidInfo(problem: string): ProvisionerError {
  return new ProvisionerError('INVALID_CONNECTION_INFO', `connection info: ${problem}`);
}
