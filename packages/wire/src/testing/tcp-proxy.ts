import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { ProvisionerError } from '@gateway-provisioners/core';

/** A byte pipe in front of a port, to be cut. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections taken since the start. */
  connections = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(targetPort: number): Promise<TcpProxy> {
    const server = createServer({ noDelay: true });
    const proxy = new TcpProxy(server);
    server.on('connection', (near) => {
      proxy.connections += 1;
      const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true });
      proxy.#join(near, far);
      proxy.#join(far, near);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new ProvisionerError('INVALID_STATE', 'not listening');
    return address.port;
  }

  /** Resets every connection, as a host does that lost its state. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
}
