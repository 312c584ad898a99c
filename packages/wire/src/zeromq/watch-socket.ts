import { ProvisionerError } from '@gateway-provisioners/core';
import type { DealerSocket, SubscriberSocket } from './library.ts';

export interface SocketWatch {
  /** Whether our side encrypts. */
  readonly encrypted: boolean;
  readonly onOpen: () => void;
  readonly onLost: () => void;
  readonly onError: (error: Error) => void;
}

/**
 * Turns libzmq's socket events into what a channel socket tells: the library itself reconnects in silence, even when it
 * will never succeed.
 */
export function watchSocket(socket: DealerSocket | SubscriberSocket, watch: SocketWatch): void {
  const failed = (error: Error): void => {
    watch.onError(handshakeError(error, watch.encrypted));
  };
  socket.events.on('handshake', () => {
    watch.onOpen();
  });
  socket.events.on('disconnect', () => {
    watch.onLost();
  });
  socket.events.on('handshake:error:protocol', (event) => {
    failed(event.error);
  });
  socket.events.on('handshake:error:auth', (event) => {
    failed(event.error);
  });
  socket.events.on('handshake:error:other', (event) => {
    failed(event.error);
  });
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
