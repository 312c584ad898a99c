import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** A registry that takes its time: it lets engines connect and does not answer. */
export class SilentRegistry implements AsyncDisposable {
  /** `host:port` */
  readonly address: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #changed = new Set<() => void>();

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.address = address;
  }

  static async open(host: string): Promise<SilentRegistry> {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const registry = new SilentRegistry(server, `${host}:${String(port)}`);
    server.on('connection', (socket) => {
      registry.#hold(socket);
    });
    return registry;
  }

  /** Resolves when an engine asks, or none does. */
  async until(isAsked: boolean): Promise<void> {
    while (this.#sockets.size > 0 !== isAsked) await new Promise<void>((resolve) => this.#changed.add(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #hold(socket: Socket): void {
    const tell = (): void => {
      for (const resolve of this.#changed) resolve();
      this.#changed.clear();
    };
    this.#sockets.add(socket);
    tell();
    // What it asks is read, or its end would not be seen.
    socket.on('error', () => undefined).resume();
    socket.once('close', () => {
      this.#sockets.delete(socket);
      tell();
    });
  }
}
