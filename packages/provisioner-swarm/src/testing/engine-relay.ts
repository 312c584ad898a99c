import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Carries connections to an engine's socket, and can be cut, as if the engine were gone. */
export class EngineRelay implements AsyncDisposable {
  /** As DOCKER_HOST has it. */
  readonly address: string;
  readonly #server: Server;
  readonly #folder: string;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();
  #isCut = false;
  #refused = 0;

  private constructor(server: Server, { folder, path }: { readonly folder: string; readonly path: string }) {
    this.#server = server;
    this.#folder = folder;
    this.address = `unix://${path}`;
  }

  /** `to`: `unix:///path/of/docker.sock`. */
  static async open(to: string): Promise<EngineRelay> {
    const folder = await mkdtemp(join(tmpdir(), 'gp-relay-'));
    const path = join(folder, 'docker.sock');
    const server = createServer().listen(path);
    await once(server, 'listening');
    const relay = new EngineRelay(server, { folder, path });
    server.on('connection', (client) => {
      relay.#take(client, to.replace('unix://', ''));
    });
    return relay;
  }

  /** Every connection ends, and new ones do at once. */
  cut(): void {
    this.#isCut = true;
    this.#refused = 0;
    for (const socket of this.#sockets) socket.destroy();
  }

  heal(): void {
    this.#isCut = false;
  }

  /** Resolves when this many connections were tried in vain since the cut. */
  async refused(count: number): Promise<void> {
    while (this.#refused < count) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
    await rm(this.#folder, { recursive: true, force: true });
  }

  #take(client: Socket, path: string): void {
    client.on('error', () => undefined);
    if (this.#isCut) {
      client.destroy();
      this.#refused += 1;
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
      return;
    }
    const engine = connect(path);
    engine.on('error', () => client.destroy());
    for (const [socket, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.pipe(other);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
