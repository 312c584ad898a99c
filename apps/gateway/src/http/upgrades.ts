import { ServerResponse } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { App } from './fastify-types.ts';

export interface PendingUpgrade {
  /** The socket, free of the HTTP response that would have answered on it. */
  takeSocket(response: ServerResponse): { readonly socket: Socket; readonly head: Buffer };
}

const pending = new WeakMap<IncomingMessage, PendingUpgrade>();

/** The way to switch protocols for this request; undefined when it did not ask to. */
export function upgradeOf(request: IncomingMessage): PendingUpgrade | undefined {
  return pending.get(request);
}

/**
 * Sends requests to switch protocols through the same hooks and routes as all others. Without it Node would hand over
 * the bare socket, and every refusal would have to be written by hand.
 */
export function routeUpgrades(app: App): void {
  app.server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', () => {
      stream.destroy();
    });
    if (!(stream instanceof Socket)) {
      stream.destroy();
      return;
    }
    const hasBody =
      request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
    if (hasBody) {
      // Node does not read the body of such a request, so that a route would wait for it in vain.
      refuseBody(stream);
      return;
    }
    const response = responseOn(stream, request);
    pending.set(request, {
      takeSocket(ofRoute) {
        ofRoute.detachSocket(stream);
        return { socket: stream, head };
      },
    });
    app.routing(request, response);
  });
}

function responseOn(socket: Socket, request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on('finish', () => {
    response.detachSocket(socket);
    socket.destroySoon();
  });
  return response;
}

function refuseBody(socket: Socket): void {
  const body = JSON.stringify({
    reason: 'Bad Request',
    message: 'a request with a body cannot switch protocols: send it without the Upgrade header',
    code: 'INVALID_REQUEST',
  });
  socket.once('finish', () => {
    socket.destroySoon();
  });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
