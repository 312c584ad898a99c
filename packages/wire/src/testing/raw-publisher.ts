import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { once } from 'node:events';
import { ProvisionerError, delay } from '@gateway-provisioners/core';
import type { Frames } from '../channel-socket.ts';
import { encodeCommand, encodeMetadata } from '../zmtp/command.ts';
import { encodeMessages } from '../zmtp/frame-encoder.ts';
import { encodeGreeting } from '../zmtp/greeting.ts';

const GREETING_BYTES = 64;
const STALL_MS = 200;

/**
 * A PUB socket that writes bytes prepared beforehand as fast as the connection takes them: a kernel that is faster than
 * any real one, for benchmarks. It never drops: a client that does not read slows it down.
 */
export class RawPublisher implements AsyncDisposable {
  readonly #server: Server;
  readonly #subscribers: Socket[] = [];
  readonly #connections = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on `host` (default 127.0.0.1) and `port` (default 0: any that is free). */
  static async listen(
    options: { readonly host?: string | undefined; readonly port?: number | undefined } = {},
  ): Promise<RawPublisher> {
    const server = createServer({ noDelay: true });
    const publisher = new RawPublisher(server);
    server.on('connection', (socket) => {
      publisher.#greet(socket);
    });
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
    await once(server, 'listening');
    return publisher;
  }

  /** Messages as the bytes that {@link RawPublisher.write} takes. */
  static encode(messages: readonly Frames[]): Buffer {
    return Buffer.concat(encodeMessages(messages));
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#server.address();
    if (address === null || typeof address === 'string') throw new ProvisionerError('INVALID_STATE', 'not listening');
    return address.port;
  }

  /** Settles when `count` clients have subscribed. */
  async subscribed(count = 1): Promise<void> {
    while (this.#subscribers.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Writes to every subscriber, `repeat` times; settles when the operating system has taken all of it. */
  async write(encoded: Buffer, repeat = 1): Promise<void> {
    await Promise.all(
      this.#subscribers.map(async (socket) => {
        for (let round = 0; round < repeat && !socket.destroyed; round += 1) {
          if (!socket.write(encoded)) await drained(socket);
        }
        if (!socket.destroyed)
          await new Promise<void>((resolve) =>
            socket.write('', () => {
              resolve();
            }),
          );
      }),
    );
  }

  /** Settles when a subscriber has taken nothing for 200 ms although there was something to take. */
  async stalled(): Promise<void> {
    for (let before = -1; ;) {
      await delay(STALL_MS);
      const waiting = this.#subscribers.reduce((total, socket) => total + socket.writableLength, 0);
      if (waiting > 0 && waiting === before) return;
      before = waiting;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Speaks ZMTP 3.0, whose subscription is a message; takes the first bytes after READY for it. */
  #greet(socket: Socket): void {
    this.#connections.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#connections.delete(socket);
      const index = this.#subscribers.indexOf(socket);
      if (index >= 0) this.#subscribers.splice(index, 1);
    });
    const greeting = encodeGreeting();
    greeting[11] = 0;
    socket.write(greeting);
    const ready = encodeCommand('READY', encodeMetadata({ 'Socket-Type': Buffer.from('PUB') }));
    let received = Buffer.alloc(0);
    let isReady = false;
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (!isReady && received.length > GREETING_BYTES) {
        isReady = true;
        socket.write(ready);
      }
      const readyEnd = GREETING_BYTES + 2 + (received[GREETING_BYTES + 1] ?? 0);
      if (received.length <= readyEnd) return;
      socket.off('data', onData);
      socket.resume();
      this.#subscribers.push(socket);
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    socket.on('data', onData);
  }
}

async function drained(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
