import type { Duplex } from 'node:stream';
import { ProvisionerError, toProvisionerError } from '@gateway-provisioners/core';
import type { Cancellation, Clock } from '@gateway-provisioners/core';
import type { Frames } from '../channel-socket.ts';
import { ZmtpSession } from './zmtp-session.ts';
import type { ZmtpSocketType } from './zmtp-session.ts';

/**
 * A peer is lost when this many intervals in a row brought nothing after a PING. Intervals are counted, not time: after the
 * event loop stood still, or the machine slept, what arrived meanwhile is read before the next one is over.
 */
const SILENT_INTERVALS = 4;
/** A peer that asks without reading the answers gets no more of them. */
const MAX_UNREAD_ANSWER_BYTES = 1024 * 1024;

export interface ZmtpLinkOptions {
  /** Owned by the link from now on. */
  readonly stream: Duplex;
  readonly socketType: ZmtpSocketType;
  readonly identity: Buffer;
  readonly maxMessageBytes: number;
  readonly handshakeTimeoutMs: number;
  /** See the session's option. */
  readonly stepwise: boolean;
  /** 0: none are sent. */
  readonly heartbeatIntervalMs: number;
  readonly clock: Clock;
  /** The handshake is done. */
  readonly onOpen: () => void;
  readonly onMessages: (batch: readonly Frames[]) => void;
  /** The connection is over, told once; without an error the peer went away or {@link ZmtpLink.end} was called. */
  readonly onEnd: (error: Error | undefined) => void;
}

/** One connection from its first byte to its last: joins a {@link ZmtpSession} to a stream and watches over it. */
export class ZmtpLink {
  readonly #options: ZmtpLinkOptions;
  readonly #session: ZmtpSession;
  #isOpen = false;
  #isEnded = false;
  #isPaused = false;
  #isLeaving = false;
  /** Intervals without a sign of the peer since a PING; undefined where no PING waits for an answer. */
  #silentIntervals: number | undefined;
  #cancelTimer: Cancellation | undefined;

  constructor(options: ZmtpLinkOptions) {
    this.#options = options;
    this.#session = new ZmtpSession({
      socketType: options.socketType,
      identity: options.identity,
      maxMessageBytes: options.maxMessageBytes,
      stepwise: options.stepwise,
      write: (bytes) => {
        if (options.stream.writableLength < MAX_UNREAD_ANSWER_BYTES) options.stream.write(bytes);
      },
      onOpen: () => {
        this.#onOpen();
      },
    });
  }

  get receivedBytes(): number {
    return this.#session.receivedBytes;
  }

  /** The peer's greeting began well and is not complete. */
  get isGreetingCutShort(): boolean {
    return this.#session.isGreetingCutShort;
  }

  start(): void {
    const { stream, clock, handshakeTimeoutMs } = this.#options;
    stream.on('error', (error) => {
      this.#finish(new ProvisionerError('CONNECTION_LOST', `the connection broke: ${error.message}`, { cause: error }));
    });
    stream.on('end', () => {
      this.#finish(undefined);
    });
    stream.on('close', () => {
      this.#finish(undefined);
    });
    stream.on('data', this.#onData);
    this.#cancelTimer = clock.schedule(handshakeTimeoutMs, () => {
      this.#finish(
        new ProvisionerError('DEADLINE_EXCEEDED', `ZMTP handshake: not complete within ${handshakeTimeoutMs} ms`),
      );
    });
    this.#session.start();
  }

  /** Hands over bytes in one vectored write; `done` is called when the operating system has them. */
  write(chunks: readonly Buffer[], done: () => void): void {
    const { stream } = this.#options;
    const last = chunks.length - 1;
    const onWritten = (error?: Error | null): void => {
      if (error === undefined || error === null) done();
    };
    if (last > 0) stream.cork();
    for (let index = 0; index < last; index += 1) stream.write(chunks[index]);
    stream.write(chunks[last], onWritten);
    if (last > 0) stream.uncork();
  }

  /** Stops reading once the handshake is done. */
  pause(): void {
    this.#isPaused = true;
    if (this.#isOpen) this.#options.stream.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#silentIntervals = undefined;
    if (!this.#isEnded) this.#options.stream.resume();
  }

  /**
   * Says goodbye: what was written leaves, what arrives is discarded, and when the peer has closed its side (or
   * `timeoutMs` is over) the connection is gone. A plain close would make the system reset the connection while there
   * is unread input, and the peer might lose our last message.
   */
  leave(timeoutMs: number): void {
    if (this.#isEnded || this.#isLeaving) return;
    const { stream, clock } = this.#options;
    this.#isLeaving = true;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.schedule(timeoutMs, () => {
      this.#finish(undefined);
    });
    stream.end();
    stream.resume();
  }

  /** Drops the connection at once. */
  end(): void {
    this.#finish(undefined);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isEnded || this.#isLeaving) return;
    this.#silentIntervals = undefined;
    const batch: Frames[] = [];
    let failure: Error | undefined;
    try {
      this.#session.receive(chunk, batch);
    } catch (error) {
      failure = toProvisionerError(error);
    }
    if (batch.length > 0) this.#options.onMessages(batch);
    if (failure !== undefined) this.#finish(failure);
  };

  #onOpen(): void {
    this.#isOpen = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#scheduleHeartbeat();
    if (this.#isPaused) this.#options.stream.pause();
    this.#options.onOpen();
  }

  #scheduleHeartbeat(): void {
    const { heartbeatIntervalMs, clock } = this.#options;
    if (heartbeatIntervalMs <= 0) return;
    this.#cancelTimer = clock.schedule(heartbeatIntervalMs, () => {
      // What is paused does not hear anything.
      if (this.#silentIntervals === undefined || this.#isPaused) {
        if (this.#session.ping()) this.#silentIntervals = 0;
      } else {
        this.#silentIntervals += 1;
        if (this.#silentIntervals >= SILENT_INTERVALS) {
          const waitedMs = SILENT_INTERVALS * heartbeatIntervalMs;
          this.#finish(
            new ProvisionerError('CONNECTION_LOST', `the peer did not answer a PING within ${String(waitedMs)} ms`),
          );
          return;
        }
      }
      this.#scheduleHeartbeat();
    });
  }

  #finish(error: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cancelTimer?.();
    this.#options.stream.destroy();
    this.#options.onEnd(error);
  }
}
