import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import { ProvisionerError } from '@gateway-provisioners/core';

/** A server that does to its clients what a test says, well-behaved or not. */
export class ScriptedPeer implements AsyncDisposable {
  readonly #server: Server;
  readonly sockets: Socket[] = [];
  /** What each connection has sent, in the order of the connections. */
  readonly received: Buffer[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async listen(script: (socket: Socket, index: number) => void): Promise<ScriptedPeer> {
    const server = createServer({ noDelay: true });
    const peer = new ScriptedPeer(server);
    server.on('connection', (socket) => {
      const index = peer.sockets.push(socket) - 1;
      peer.received[index] = Buffer.alloc(0);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        peer.received[index] = Buffer.concat([peer.received[index] ?? chunk, chunk]);
      });
      script(socket, index);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return peer;
  }

  /** Every port of it is this peer's. */
  get connection(): ConnectionInfo {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new ProvisionerError('INVALID_STATE', 'not listening');
    const { port } = address;
    return {
      transport: 'tcp',
      ip: '127.0.0.1',
      shell_port: port,
      iopub_port: port,
      stdin_port: port,
      control_port: port,
      hb_port: port,
      key: '',
      signature_scheme: 'hmac-sha256',
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
