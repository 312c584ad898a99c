import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { ProvisionerError, abortError, throwIfAborted } from '@gateway-provisioners/core';
import type { ChannelName, ChannelTransport, ConnectionInfo } from '@gateway-provisioners/core';
import { channelAddress } from '../channel-socket-options.ts';

/**
 * TCP's first keepalive probe. Nine more follow, one a second (libuv sets that), and then the connection is given up: too
 * soon for a network that is cut for a while. So it is for peers that know no PING; PINGs keep it from coming.
 */
const KEEP_ALIVE_DELAY_MS = 60_000;

/** The transport used when a connection brings none: TCP, or a unix socket for `ipc`. */
export function directTransport(info: ConnectionInfo): ChannelTransport {
  return { connect: async (channel, { signal }) => await dial(info, { channel, signal }) };
}

/** True for a peer that is just not there (yet): no news while a kernel starts or after it ended. */
export function isNotListening(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  if ('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT')) return true;
  // One error for each address of a host name.
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.every(isNotListening);
  }
  return 'cause' in error && isNotListening(error.cause);
}

/**
 * Dialled on this machine at a port that nobody listens on, from the range of which outgoing connections get their own
 * ports, the system may choose that very port: the socket is then connected to itself (RFC 9293, simultaneous open).
 * Kept, it would take the port from the kernel that is to listen there.
 */
export function isConnectedToItself(socket: Pick<Socket, `${'local' | 'remote'}${'Address' | 'Port'}`>): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}

interface DialOptions {
  readonly channel: ChannelName;
  readonly signal: AbortSignal | undefined;
}

async function dial(info: ConnectionInfo, { channel, signal }: DialOptions): Promise<Socket> {
  throwIfAborted(signal);
  const address = channelAddress(info, channel);
  const where = 'path' in address ? address.path : `${address.host}:${address.port}`;
  return await new Promise<Socket>((resolve, reject) => {
    const socket = connect({
      ...address,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    });
    const settle = (): void => {
      socket.off('connect', onConnect);
      socket.off('error', onError);
      signal?.removeEventListener('abort', onAbort);
    };
    const onConnect = (): void => {
      if ('port' in address && isConnectedToItself(socket)) {
        // Without a reset the port would stay occupied for a while.
        socket.resetAndDestroy();
        onError(Object.assign(new Error('nobody listens there'), { code: 'ECONNREFUSED' }));
        return;
      }
      settle();
      resolve(socket);
    };
    const fail = (error: Error): void => {
      settle();
      // A late error of a socket that nobody has any more must not end the process.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onError = (error: Error): void => {
      fail(
        new ProvisionerError('KERNEL_UNREACHABLE', `cannot connect to ${where}: ${error.message}`, {
          cause: error,
          coordinates: { channel },
        }),
      );
    };
    const onAbort = (): void => {
      if (signal !== undefined) fail(abortError(signal));
    };
    socket.once('connect', onConnect);
    socket.once('error', onError);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
