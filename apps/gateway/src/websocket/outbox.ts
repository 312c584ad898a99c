import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Cancellation, Clock } from '@gateway-provisioners/core';
import type { KernelMessage, WebSocketFraming } from '@gateway-provisioners/wire';

export interface OutboxOptions {
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly framing: WebSocketFraming;
  readonly clock: Clock;
  readonly highWaterBytes: number;
  readonly stallTimeoutMs: number;
  /** The client has taken what was waiting. */
  readonly onDrained: () => void;
  /** The client has taken nothing for `stallTimeoutMs`. */
  readonly onStalled: () => void;
}

/**
 * Messages on their way to a client. Each batch leaves in one system call, and what a slow client has not read yet is
 * bounded: beyond the high-water mark the rest of a batch waits as it came, not encoded, and no more is asked for.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  #waiting: readonly KernelMessage[] = [];
  /** What the operating system has not taken yet, in the order of sending. */
  readonly #inFlight = new Set<readonly KernelMessage[]>();
  #full = false;
  #finished = false;
  #cancelStall: Cancellation | undefined;
  #sentMessages = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Whether the client has to read before it gets more. */
  get isFull(): boolean {
    return this.#full;
  }

  get sentMessages(): number {
    return this.#sentMessages;
  }

  /** Takes all of the batch. False: enough for now, until `onDrained`. */
  write(batch: readonly KernelMessage[]): boolean {
    if (this.#finished || batch.length === 0) return true;
    if (this.#full) {
      this.#waiting = [...this.#waiting, ...batch];
      return false;
    }
    const taken = this.#flush(batch, this.#options.highWaterBytes);
    if (!this.isFull) return true;
    this.#waiting = batch.slice(taken);
    this.#watch();
    return false;
  }

  /**
   * Takes nothing more. With `flush`, what waits still goes to the socket. Returns what has not left, oldest first: if
   * the connection broke in the middle, a client that comes back may get the first of it twice, but misses nothing.
   */
  finish(options: { readonly flush: boolean }): readonly KernelMessage[] {
    if (this.#finished) return [];
    this.#finished = true;
    if (options.flush) this.#flush(this.#waiting, Infinity);
    const left = options.flush ? [] : [...[...this.#inFlight].flat(), ...this.#waiting];
    this.#waiting = [];
    this.#inFlight.clear();
    this.#cancelStall?.();
    return left;
  }

  /** Sends from the beginning of `batch` until the socket is full; returns how many. */
  #flush(batch: readonly KernelMessage[], highWaterBytes: number): number {
    const { webSocket, socket, framing } = this.#options;
    const sent: KernelMessage[] = [];
    if (batch.length === 0 || webSocket.readyState !== webSocket.OPEN) return 0;
    // Before sending: what is sent may be reported as taken at once.
    this.#inFlight.add(sent);
    socket.cork();
    for (const message of batch) {
      const { bytes, isText } = framing.encodeFrame(message);
      sent.push(message);
      this.#full = webSocket.bufferedAmount + bytes.length >= highWaterBytes;
      const isLast = this.#full || sent.length === batch.length;
      if (!isLast) {
        webSocket.send(bytes, { binary: !isText });
        continue;
      }
      webSocket.send(bytes, { binary: !isText }, (error) => {
        // What failed to leave stays on the list of what did not. Node reports a write that was cut off by the end of
        // its socket as done.
        if (!(error instanceof Error) && !socket.destroyed) this.#onTaken(sent);
      });
      break;
    }
    socket.uncork();
    this.#sentMessages += sent.length;
    return sent.length;
  }

  #onTaken(sent: readonly KernelMessage[]): void {
    this.#inFlight.delete(sent);
    if (!this.#full || this.#finished || this.#inFlight.size > 0) return;
    this.#cancelStall?.();
    this.#full = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length > 0 && !this.write(waiting)) return;
    this.#options.onDrained();
  }

  #watch(): void {
    const { clock, stallTimeoutMs, onStalled } = this.#options;
    this.#cancelStall?.();
    this.#cancelStall = clock.schedule(stallTimeoutMs, onStalled, { background: true });
  }
}
