import { ProvisionerError, systemClock } from '@gateway-provisioners/core';
import { checkSocketOptions, hasCurveKey } from '../channel-socket-options.ts';
import type { ChannelEngine } from '../channel-socket.ts';
import { ZeromqSocket } from './zeromq-socket.ts';

export interface ZeromqEngineOptions {
  /** Milliseconds from the TCP connection to the end of the handshake. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Milliseconds that disposal grants to what is still queued. Default 200. */
  readonly lingerMs?: number | undefined;
  /**
   * Messages that libzmq holds before it stops reading from the kernel. Default 0, no bound: a kernel whose own queue
   * overflows drops output. The price is that a paused socket pushes back only with a bound.
   */
  readonly receiveHighWaterMark?: number | undefined;
  /** Messages that libzmq holds beyond the socket's own queue; they are not in `queuedBytes`. Default 64. */
  readonly sendHighWaterMark?: number | undefined;
}

/** Z85 text of 32 bytes. */
const Z85_KEY = /^[0-9a-zA-Z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/;

/**
 * libzmq, through the npm package `zeromq` (loaded when the first socket is opened): for CurveZMQ, and for all channels
 * by setting. The client's key pair is fresh for every socket. It dials TCP and unix sockets only.
 */
export function createZeromqEngine(options: ZeromqEngineOptions = {}): ChannelEngine {
  return {
    name: 'zeromq',
    supports: (connection) => connection.transport === undefined,
    open: (socketOptions) => {
      const { connection } = socketOptions;
      if (connection.transport !== undefined) {
        throw new ProvisionerError(
          'INVALID_CONNECTION_INFO',
          'the kernel is reached through a transport of its own, which the zeromq engine cannot use: choose `zmtp`',
        );
      }
      checkSocketOptions(socketOptions);
      if (hasCurveKey(connection.info) && !Z85_KEY.test(connection.info.curve_publickey ?? '')) {
        throw new ProvisionerError('INVALID_CONNECTION_INFO', 'curve_publickey is not 40 characters of Z85');
      }
      return new ZeromqSocket(socketOptions, {
        handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
        lingerMs: options.lingerMs ?? 200,
        receiveHighWaterMark: options.receiveHighWaterMark ?? 0,
        sendHighWaterMark: options.sendHighWaterMark ?? 64,
        clock: socketOptions.clock ?? systemClock,
      });
    },
  };
}
