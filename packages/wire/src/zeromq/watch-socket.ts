import { ProvisionerError, toProvisionerError } from '@gateway-provisioners/core';
import type { DealerSocket, SubscriberSocket } from './library.ts';

type SocketEvent = Awaited<ReturnType<DealerSocket['events']['receive']>>;

export interface SocketWatch {
  /** Whether our side encrypts. */
  readonly encrypted: boolean;
  readonly onOpen: () => void;
  readonly onLost: () => void;
  readonly onError: (error: Error) => void;
}

/**
 * Turns libzmq's socket events into what a channel socket tells: the library itself reconnects in silence, even when it
 * will never succeed. Has to be called before the socket is connected; settles when the socket is closed.
 */
export async function watchSocket(socket: DealerSocket | SubscriberSocket, watch: SocketWatch): Promise<void> {
  // The library's event emitter would do the same; read by ourselves, the end can be waited for.
  const observer = socket.events;
  for (;;) {
    try {
      dispatch(await observer.receive(), watch);
    } catch (error) {
      if (!socket.closed) watch.onError(toProvisionerError(error));
      return;
    }
  }
}

function dispatch(event: SocketEvent, watch: SocketWatch): void {
  switch (event.type) {
    case 'handshake':
      watch.onOpen();
      return;
    case 'disconnect':
      watch.onLost();
      return;
    case 'handshake:error:protocol':
    case 'handshake:error:auth':
    case 'handshake:error:other':
      watch.onError(handshakeError(event.error, watch.encrypted));
      return;
    default:
      return;
  }
}

function handshakeError(cause: Error, encrypted: boolean): ProvisionerError {
  const code = 'code' in cause ? String(cause.code) : cause.message;
  if (code === 'ERR_ZMTP_MECHANISM_MISMATCH') {
    const text = encrypted
      ? 'the peer does not encrypt, but the connection info has a curve_publickey'
      : 'the peer wants a security mechanism, not NULL (the connection info lacks its curve_publickey)';
    return new ProvisionerError('PROTOCOL_ERROR', text, { cause });
  }
  const text = encrypted
    ? `the CurveZMQ handshake failed: the peer has another key than curve_publickey, or does not encrypt (${code})`
    : `the ZMTP handshake failed (${code})`;
  return new ProvisionerError('PROTOCOL_ERROR', text, { cause });
}
