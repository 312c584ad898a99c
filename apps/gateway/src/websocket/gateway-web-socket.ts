import { WebSocket, WebSocketServer } from 'ws';
import { V1_SUBPROTOCOL } from '@gateway-provisioners/wire';
import { closeText } from './close-codes.ts';
import type { WebSocketServerOptions } from './web-socket-server-options.ts';

/** Event: the closing handshake begins, because the client has asked for it or broke the protocol, or we close. */
export const CLOSING = Symbol('closing');

/**
 * A WebSocket that gives a reason when ws itself ends a connection because of a broken or oversized frame: ws closes
 * with the code alone.
 */
class ReasonedWebSocket extends WebSocket {
  oversizeReason = 'message too large';

  override close(code?: number, reason?: string | Buffer): void {
    // ws answers a close frame by this method.
    if (this.readyState === this.OPEN) this.emit(CLOSING);
    const text = reason ?? this.#defaultReason(code);
    if (text === undefined) super.close(code);
    else super.close(code, text);
  }

  #defaultReason(code: number | undefined): string | undefined {
    if (code === 1002) return 'the frame breaks the WebSocket protocol (RFC 6455)';
    if (code === 1007) return 'the text is not valid UTF-8';
    if (code === 1008) return 'the message has too many fragments';
    return code === 1009 ? this.oversizeReason : undefined;
  }
}

/** The ws library's server without a port of its own. */
export function createWebSocketServer(options: WebSocketServerOptions): WebSocketServer {
  const settings = {
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxPayloadBytes,
    perMessageDeflate: options.compression,
    // Not in the published types of ws yet.
    closeTimeout: options.closeTimeoutMs,
    WebSocket: ReasonedWebSocket,
    // Nothing is chosen when only unknown ones are offered: such a client expects the framing without a sub-protocol.
    handleProtocols: (offered: ReadonlySet<string>): string | false =>
      offered.has(V1_SUBPROTOCOL) ? V1_SUBPROTOCOL : false,
  } as const;
  const server = new WebSocketServer(settings);
  server.on('connection', (socket: ReasonedWebSocket) => {
    socket.oversizeReason = closeText(options.oversizeReason);
  });
  return server;
}
