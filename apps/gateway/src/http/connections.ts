import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of a server, for its stop: Node's own account leaves out what has not begun to speak HTTP. */
export class Connections {
  readonly #open = new Set<Socket>();
  /** Without a request so far, as browsers open them in advance. Node takes them for busy. */
  readonly #unused = new Set<Socket>();

  constructor(server: Server, options: { readonly isSecure: boolean }) {
    server.on('connection', (socket: Socket) => {
      keepWhileOpen(this.#open, socket);
    });
    // Requests come on what TLS makes of a connection, not on the connection itself.
    server.on(options.isSecure ? 'secureConnection' : 'connection', (socket: Socket) => {
      keepWhileOpen(this.#unused, socket);
    });
    for (const event of ['request', 'upgrade']) {
      server.on(event, (request: { readonly socket: Socket }) => {
        this.#unused.delete(request.socket);
      });
    }
  }

  /** Ends those on which nothing was asked. */
  closeUnused(): void {
    for (const socket of this.#unused) socket.destroy();
  }

  /** Ends all, also those that are still at their TLS handshake. */
  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

function keepWhileOpen(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
}
