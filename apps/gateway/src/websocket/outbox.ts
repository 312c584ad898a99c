import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Cancellation, Clock } from '@gateway-provisioners/core';
import type { EncodedFrame, KernelMessage, WebSocketFraming } from '@gateway-provisioners/wire';
import { Confirmations } from './confirmations.ts';

/** More than that is hardly ever on its way: the buffers of both operating systems, and what a long line holds. */
const MAX_UNCONFIRMED_BYTES = 8 * 1024 * 1024;

export interface OutboxOptions {
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly framing: WebSocketFraming;
  readonly clock: Clock;
  readonly highWaterBytes: number;
  readonly stallTimeoutMs: number;
  /** Whether what did not arrive is wanted back by {@link Outbox.finish}: a client that can return for it. */
  readonly confirms: boolean;
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
  readonly #confirmations: Confirmations | undefined;
  /** What the operating system has not taken yet, in the order of sending. */
  readonly #inFlight = new Set<readonly KernelMessage[]>();
  #full = false;
  #finished = false;
  #cancelStall: Cancellation | undefined;
  #sentMessages = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
    const { webSocket } = options;
    if (!options.confirms) return;
    this.#confirmations = new Confirmations({
      maxBytes: MAX_UNCONFIRMED_BYTES,
      clock: options.clock,
      ping: (payload) => {
        if (webSocket.readyState === webSocket.OPEN) webSocket.ping(payload);
      },
    });
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
    const { webSocket } = this.#options;
    // A connection that has broken takes nothing more, some time before it says that it is closed.
    if (this.#full || webSocket.readyState !== webSocket.OPEN) {
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
   * Takes nothing more. Returns what the client is owed if it comes back, oldest first:
   * - `flushed`: nothing; what waits still goes to the socket.
   * - `unconfirmed`: what is not known to have arrived. It may get the first of it twice, but misses nothing.
   * - `unsent`: what has not left.
   */
  finish(owed: 'flushed' | 'unconfirmed' | 'unsent'): readonly KernelMessage[] {
    if (this.#finished) return [];
    this.#finished = true;
    if (owed === 'flushed') this.#flush(this.#waiting, Infinity);
    const sent = owed === 'unconfirmed' ? this.#unconfirmed() : [...this.#inFlight].flat();
    const left = owed === 'flushed' ? [] : [...sent, ...this.#waiting];
    this.#confirmations?.clear();
    this.#waiting = [];
    this.#inFlight.clear();
    this.#cancelStall?.();
    return left;
  }

  /** Asks whether the client is there. */
  ping(): void {
    if (this.#confirmations?.askAgain() !== true) this.#options.webSocket.ping();
  }

  /** The answer to a ping has come. */
  onPong(payload: string): void {
    this.#confirmations?.onPong(payload);
  }

  #unconfirmed(): readonly KernelMessage[] {
    const kept = this.#confirmations?.unconfirmed ?? [];
    // What is too much to be kept is the oldest, and some of it may not even have left.
    const older = [...this.#inFlight].filter((sent) => !kept.includes(sent));
    return [...older, ...kept].flat();
  }

  /** Sends from the beginning of `batch` until the socket is full; returns how many. */
  #flush(batch: readonly KernelMessage[], highWaterBytes: number): number {
    const { webSocket, socket, framing } = this.#options;
    const sent: KernelMessage[] = [];
    if (batch.length === 0 || webSocket.readyState !== webSocket.OPEN) return 0;
    // Before sending: what is sent may be reported as taken at once.
    this.#inFlight.add(sent);
    let sentBytes = 0;
    socket.cork();
    for (const message of batch) {
      const frame = framing.encodeFrame(message);
      sent.push(message);
      sentBytes += frame.sizeBytes;
      this.#full = webSocket.bufferedAmount + frame.sizeBytes >= highWaterBytes;
      const isLast = this.#full || sent.length === batch.length;
      if (!isLast) {
        send(webSocket, frame, undefined);
        continue;
      }
      send(webSocket, frame, (error) => {
        // What failed to leave stays on the list of what did not. Node reports a write that was cut off by the end of
        // its socket as done.
        if (!(error instanceof Error) && !socket.destroyed) this.#onTaken(sent);
      });
      break;
    }
    this.#confirmations?.onSent(sent, sentBytes);
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

/** Several chunks leave as fragments of one message: joined, they would be one more copy of a large message. */
function send(webSocket: WebSocket, frame: EncodedFrame, onSent: ((error?: Error) => void) | undefined): void {
  const { chunks, isText } = frame;
  const last = chunks.length - 1;
  chunks.forEach((chunk, index) => {
    const fin = index === last;
    webSocket.send(chunk, { binary: !isText, fin }, fin ? onSent : undefined);
  });
}
