import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** A listener as launchers of version 1 have it: fragile in the same ways, so that a client that is rough breaks it. */
export class FakeCommV1 implements AsyncDisposable {
  /** What was asked, in order; `undefined` for a connection without a request. */
  readonly requests: unknown[] = [];
  /** Set when something came that would have ended a real one. */
  crash: string | undefined;
  /** Whether the process that signals go to is there. */
  isKernelAlive = true;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #waiting: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(host = '127.0.0.1'): Promise<FakeCommV1> {
    const server = createServer({ allowHalfOpen: true });
    const fake = new FakeCommV1(server);
    server.on('connection', (socket) => {
      fake.#take(socket);
    });
    server.listen({ host, port: 0, backlog: 1 });
    await once(server, 'listening');
    return fake;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Resolves when so many requests have come. */
  async received(count: number): Promise<void> {
    while (this.requests.length < count) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Refuses connections from now on. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #take(socket: Socket): void {
    const chunks: Buffer[] = [];
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
    });
    socket.once('end', () => {
      socket.destroy();
      this.#handle(Buffer.concat(chunks).toString());
    });
  }

  #handle(text: string): void {
    const request: unknown = text === '' ? undefined : JSON.parse(text);
    this.requests.push(request);
    this.#judge(request);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  #judge(request: unknown): void {
    if (typeof request !== 'object' || request === null) this.crash = 'a connection without a request';
    else if (Object.values(request).some((value) => typeof value !== 'number'))
      this.crash = 'a value that is no number';
    else if (this.#server.connections > 1) this.crash = 'two connections at once';
    else if ('signum' in request && !this.isKernelAlive) this.crash = 'no such process';
    if (this.crash !== undefined || (request instanceof Object && 'shutdown' in request)) void this.stop();
  }
}
