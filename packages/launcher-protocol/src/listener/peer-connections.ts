import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Clock } from '@gateway-provisioners/core';
import type { Counters } from './counters.ts';
import type { FairQueue } from './fair-queue.ts';
import { plainAddress } from './peer-list.ts';
import type { PayloadProcessor } from './payload-processor.ts';

export interface PeerConnectionsOptions {
  readonly maxConnections: number;
  readonly maxPayloadBytes: number;
  /** From being accepted to the complete payload. */
  readonly connectionTimeoutMs: number;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly processor: PayloadProcessor;
  readonly queue: FairQueue;
}

const OPENING_BRACE = 0x7b;
const LINE_END = 0x0a;

/** The connections of launchers, and of whoever else connects. None of them waits for another. */
export class PeerConnections implements AsyncDisposable {
  readonly #options: PeerConnectionsOptions;
  /** In the order of their last activity; the value tells whether the payload is complete. */
  readonly #open = new Map<Socket, { isComplete: boolean }>();

  constructor(options: PeerConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Takes over a connection just accepted; at the limit, the one that has been idle for longest is closed for it. */
  add(socket: Socket): void {
    const { counters, clock, connectionTimeoutMs, maxConnections } = this.#options;
    counters.connections += 1;
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= maxConnections) {
      counters.evicted += 1;
      this.#drop(oldest);
    }
    this.#open.set(socket, { isComplete: false });
    const cancelTimer = clock.schedule(connectionTimeoutMs, () => {
      if (this.#open.get(socket)?.isComplete === false) counters.timedOut += 1;
      this.#drop(socket);
    });
    // A peer that resets its connection is no concern of ours; 'close' follows.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      cancelTimer();
      this.#open.delete(socket);
    });
    this.#read(socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const sockets = [...this.#open.keys()];
    const closed = sockets.map((socket) => once(socket, 'close'));
    for (const socket of sockets) this.#drop(socket);
    await Promise.all(closed);
  }

  #drop(socket: Socket): void {
    this.#open.delete(socket);
    socket.destroy();
  }

  #read(socket: Socket): void {
    const chunks: Buffer[] = [];
    let size = 0;
    let isVersion2: boolean | undefined;
    const finish = (): void => {
      socket.off('data', onData);
      socket.off('end', finish);
      // Keep reading: unread bytes would turn our close into a reset, which could overtake the reply.
      socket.resume();
      const bytes = Buffer.concat(chunks);
      const lineEnd = isVersion2 === true ? bytes.indexOf(LINE_END) : -1;
      this.#process(socket, lineEnd < 0 ? bytes : bytes.subarray(0, lineEnd));
    };
    const onData = (chunk: Buffer): void => {
      this.#markActive(socket);
      size += chunk.length;
      if (size > this.#options.maxPayloadBytes) {
        this.#options.counters.refused['too-large'] += 1;
        this.#drop(socket);
        return;
      }
      chunks.push(chunk);
      // Version 2 is one line of JSON; older ones are base64 up to the end of the stream.
      isVersion2 ??= chunk[0] === OPENING_BRACE;
      if (isVersion2 && chunk.includes(LINE_END)) finish();
    };
    socket.on('data', onData);
    socket.once('end', finish);
  }

  #markActive(socket: Socket): void {
    const state = this.#open.get(socket);
    if (state === undefined) return;
    this.#open.delete(socket);
    this.#open.set(socket, state);
  }

  #process(socket: Socket, bytes: Buffer): void {
    const { queue, processor } = this.#options;
    const state = this.#open.get(socket);
    const address = socket.remoteAddress;
    if (state === undefined || address === undefined || bytes.length === 0) {
      this.#drop(socket);
      return;
    }
    state.isComplete = true;
    queue.add(plainAddress(address), () => {
      // Evicted or timed out meanwhile: nobody is there to be answered.
      if (!this.#open.has(socket)) return;
      const { reply } = processor.process(bytes.toString(), { address });
      if (reply === undefined) this.#drop(socket);
      else socket.end(reply);
    });
  }
}
