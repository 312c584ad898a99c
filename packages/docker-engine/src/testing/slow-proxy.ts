import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { Transform } from 'node:stream';
import { delay, systemClock } from '@gateway-provisioners/core';

/** Carries TCP connections to a server, what comes from there at a limited rate. */
export class SlowProxy implements AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #idle = new Set<() => void>();
  #bytesPerSecond: number;
  #bytes = 0;

  private constructor(server: Server, { address, bytesPerSecond }: { address: string; bytesPerSecond: number }) {
    this.#server = server;
    this.address = address;
    this.#bytesPerSecond = bytesPerSecond;
  }

  static async open(options: {
    readonly to: string;
    readonly host?: string;
    /** Of each connection. Default: as fast as it can. */
    readonly bytesPerSecond?: number;
  }): Promise<SlowProxy> {
    const { to, host = '127.0.0.1', bytesPerSecond = Infinity } = options;
    const [toHost = '', toPort = ''] = to.split(':');
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const proxy = new SlowProxy(server, { address: `${host}:${String(port)}`, bytesPerSecond });
    server.on('connection', (client) => {
      const upstream = connect(Number(toPort), toHost);
      proxy.#hold(client);
      proxy.#hold(upstream);
      client.pipe(upstream);
      upstream.pipe(proxy.#throttle()).pipe(client);
      client.once('close', () => upstream.destroy());
      upstream.once('error', () => client.destroy());
    });
    return proxy;
  }

  /** What went to clients up to now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** As fast as it can from now on. */
  hurry(): void {
    this.#bytesPerSecond = Infinity;
  }

  /** Resolves when no connection is open. */
  async idle(): Promise<void> {
    if (this.#sockets.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.add(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size > 0) return;
      for (const resolve of this.#idle) resolve();
      this.#idle.clear();
    });
  }

  #throttle(): Transform {
    return new Transform({
      highWaterMark: 16_384,
      transform: (chunk: Buffer, _, done) => {
        this.#bytes += chunk.length;
        if (this.#bytesPerSecond === Infinity) {
          done(null, chunk);
          return;
        }
        void delay((chunk.length / this.#bytesPerSecond) * 1_000, { clock: systemClock }).then(() => {
          done(null, chunk);
        });
      },
    });
  }
}
