import { ProvisionerError, systemClock } from '@gateway-provisioners/core';
import { checkSocketOptions, hasCurveKey } from '../channel-socket-options.ts';
import type { ChannelEngine } from '../channel-socket.ts';
import { ZmtpSocket } from './zmtp-socket.ts';

const HEARTBEAT_INTERVAL_MS = 15_000;

export interface ZmtpEngineOptions {
  /** Milliseconds for one attempt to get a byte stream to the kernel. Default 15,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** Milliseconds from the byte stream to the end of the ZMTP handshake. Default 10,000. */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * Milliseconds between PINGs to peers of ZMTP 3.1 and later; a peer that sends nothing for four times as long after one
   * is taken for lost. Default 15,000: a network that is cut for less than a minute costs nothing. 0: none are sent.
   * Peers that know no PING are found dead by TCP's keepalive, 70 s after they were last heard.
   */
  readonly heartbeatIntervalMs?: number | undefined;
  /** Milliseconds that disposal grants to what is still queued. Default 200. */
  readonly lingerMs?: number | undefined;
  /** Spreads reconnects; 0 (included) to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/**
 * The default engine: ZMTP 3.0 and 3.1 with mechanism NULL (ZeroMQ RFC 23 and 37), over TCP, unix sockets, or any
 * stream that the connection's own transport opens. It cannot encrypt: connections with CurveZMQ keys are refused.
 *
 * A socket first tries again after 10 ms, then ever more slowly; a kernel that does not listen yet is no error.
 */
export function createZmtpEngine(options: ZmtpEngineOptions = {}): ChannelEngine {
  return {
    name: 'zmtp',
    supports: (connection) => !hasCurveKey(connection.info),
    open: (socketOptions) => {
      if (hasCurveKey(socketOptions.connection.info)) {
        throw new ProvisionerError(
          'ENCRYPTION_UNAVAILABLE',
          'the kernel encrypts its channels with CurveZMQ, which the zmtp engine cannot do: use `auto` or `zeromq`',
        );
      }
      checkSocketOptions(socketOptions);
      return new ZmtpSocket(socketOptions, {
        connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
        handshakeTimeoutMs: options.handshakeTimeoutMs ?? 10_000,
        heartbeatIntervalMs: options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS,
        lingerMs: options.lingerMs ?? 200,
        random: options.random ?? Math.random,
        clock: socketOptions.clock ?? systemClock,
      });
    },
  };
}
