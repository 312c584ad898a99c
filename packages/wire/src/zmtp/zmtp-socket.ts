import type { Duplex } from 'node:stream';
import {
  ProvisionerError,
  observed,
  openDeadline,
  raceSignal,
  silentLogger,
  toProvisionerError,
} from '@gateway-provisioners/core';
import type { Cancellation, ChannelTransport, Clock, Logger, Observed } from '@gateway-provisioners/core';
import { ErrorReporter } from '../channel-socket-errors.ts';
import { DEFAULT_MAX_MESSAGE_BYTES, DEFAULT_MAX_QUEUED_BYTES } from '../channel-socket-options.ts';
import { SendQueue } from '../channel-socket-queue.ts';
import type { ChannelSocket, ChannelSocketOptions, ChannelSocketState, Frames } from '../channel-socket.ts';
import { retryDelayMs } from './backoff.ts';
import { directTransport, isNotListening } from './dial.ts';
import { encodeMessages } from './frame-encoder.ts';
import { ZmtpLink } from './zmtp-link.ts';

/** Messages encoded together: enough for one vectored write, little enough to know what left. */
const BATCH_BYTES = 1024 * 1024;
/** A link that lived this long was a success, and its end begins an outage; a shorter one was part of the one before. */
const STABLE_AFTER_MS = 1_000;

const PROBE_TIMEOUT_MS = 1_000;

export interface ZmtpSettings {
  readonly connectTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly lingerMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * dialling → handshaking → open → waiting → dialling …; from anywhere → leaving or closed. `leaving` flushes what is
 * queued and says goodbye.
 */
type Phase = 'dialling' | 'handshaking' | 'open' | 'waiting' | 'leaving' | 'closed';

/** A {@link ChannelSocket} that keeps one ZMTP connection to its kernel and makes it anew when it breaks. */
export class ZmtpSocket implements ChannelSocket {
  readonly #options: ChannelSocketOptions;
  readonly #settings: ZmtpSettings;
  readonly #transport: ChannelTransport;
  readonly #logger: Logger;
  readonly #state = observed<ChannelSocketState>('connecting');
  readonly #errors: ErrorReporter;
  readonly #queue: SendQueue;
  readonly #disposal = new AbortController();
  readonly #closed: Promise<void>;
  #resolveClosed: () => void = () => undefined;
  #phase: Phase = 'waiting';
  #link: ZmtpLink | undefined;
  #cancelTimer: Cancellation | undefined;
  #outageSince: number;
  #openSince = 0;
  #pastBytes = 0;
  #isPaused = false;
  #isFlushing = false;
  /** The next handshake is to find out why the last one was broken off. */
  #isProbing = false;

  constructor(options: ChannelSocketOptions, settings: ZmtpSettings) {
    this.#options = options;
    this.#settings = settings;
    this.#transport = options.connection.transport ?? directTransport(options.connection.info);
    this.#logger = options.logger ?? silentLogger;
    this.#errors = new ErrorReporter(options.onError);
    this.#queue = new SendQueue(options.channel, options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES);
    this.#outageSince = settings.clock.now();
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#enter('dialling');
  }

  get state(): Observed<ChannelSocketState> {
    return this.#state;
  }

  get receivedBytes(): number {
    return this.#pastBytes + (this.#link?.receivedBytes ?? 0);
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  send(frames: Frames): void {
    if (this.#phase === 'closed' || this.#phase === 'leaving') {
      throw new ProvisionerError('INVALID_STATE', `the ${this.#options.channel} channel is closed`);
    }
    this.#queue.push(frames);
    if (this.#phase !== 'open' || this.#isFlushing) return;
    this.#isFlushing = true;
    // One write for all that is sent in this turn.
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  pause(): void {
    this.#isPaused = true;
    this.#link?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#link?.resume();
  }

  /** Gives what is queued a moment to leave if the peer is there, and drops it if not. */
  [Symbol.asyncDispose](): Promise<void> {
    if (this.#phase !== 'closed' && this.#phase !== 'leaving') {
      this.#enter(this.#phase === 'open' && this.#options.channel !== 'iopub' ? 'leaving' : 'closed');
    }
    return this.#closed;
  }

  /** The only place where the phase changes. */
  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    switch (phase) {
      case 'dialling':
        void this.#dial();
        return;
      case 'handshaking':
        return;
      case 'open':
        this.#openSince = this.#settings.clock.now();
        this.#errors.reset();
        this.#state.set('open');
        this.#flush();
        return;
      case 'waiting':
        this.#cancelTimer = this.#settings.clock.schedule(this.#retryDelayMs(), () => {
          this.#enter('dialling');
        });
        if (this.#state.current === 'open') this.#state.set('lost');
        return;
      case 'leaving':
        this.#cancelTimer = this.#settings.clock.schedule(this.#settings.lingerMs, () => {
          this.#enter('closed');
        });
        this.#flush();
        return;
      case 'closed':
        this.#disposal.abort(new ProvisionerError('CANCELLED', 'the channel socket was closed'));
        this.#queue.clear();
        this.#dropLink();
        this.#state.set('closed');
        this.#resolveClosed();
        return;
    }
  }

  #retryDelayMs(): number {
    const { clock, random } = this.#settings;
    return retryDelayMs({ outageMs: clock.now() - this.#outageSince, random });
  }

  async #dial(): Promise<void> {
    let stream: Duplex;
    try {
      stream = await this.#connect();
    } catch (error) {
      this.#onDialFailed(toProvisionerError(error));
      return;
    }
    if (this.#phase !== 'dialling') {
      abandon(stream);
      return;
    }
    this.#enter('handshaking');
    const { handshakeTimeoutMs } = this.#settings;
    const link = new ZmtpLink({
      ...this.#settings,
      stream,
      stepwise: this.#isProbing,
      handshakeTimeoutMs: this.#isProbing ? Math.min(PROBE_TIMEOUT_MS, handshakeTimeoutMs) : handshakeTimeoutMs,
      socketType: this.#options.channel === 'iopub' ? 'SUB' : 'DEALER',
      identity: this.#options.identity,
      maxMessageBytes: this.#options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
      onOpen: () => {
        this.#enter('open');
      },
      onMessages: this.#options.onMessages,
      onEnd: (error) => {
        this.#onLinkEnd(link, error);
      },
    });
    this.#link = link;
    if (this.#isPaused) link.pause();
    link.start();
  }

  /** One attempt within its deadline; a stream that comes too late is dropped. */
  async #connect(): Promise<Duplex> {
    const { channel } = this.#options;
    using scope = openDeadline({
      what: `connecting to the kernel's ${channel} channel`,
      timeoutMs: this.#settings.connectTimeoutMs,
      signal: this.#disposal.signal,
      clock: this.#settings.clock,
    });
    const attempt = Promise.resolve(this.#transport.connect(channel, { signal: scope.signal }));
    try {
      return await raceSignal(attempt, scope.signal);
    } catch (error) {
      attempt.then(abandon, () => undefined);
      throw error;
    }
  }

  #onDialFailed(error: Error): void {
    if (this.#phase !== 'dialling') return;
    this.#logger.debug('channel cannot be connected', { channel: this.#options.channel, error: error.message });
    if (!isNotListening(error)) this.#errors.report(error);
    this.#enter('waiting');
  }

  #onLinkEnd(link: ZmtpLink, error: Error | undefined): void {
    if (this.#link !== link) return;
    this.#dropLink();
    this.#isProbing = !this.#isProbing && link.isGreetingCutShort;
    if (this.#phase === 'leaving') {
      this.#enter('closed');
      return;
    }
    const { clock } = this.#settings;
    const wasOpen = this.#phase === 'open';
    if (wasOpen && clock.now() - this.#openSince >= STABLE_AFTER_MS) this.#outageSince = clock.now();
    this.#logger.debug('channel connection ended', { channel: this.#options.channel, error: error?.message });
    const unsure = this.#queue.settle();
    this.#enter('waiting');
    // A broken connection is what the state `lost` says already; a broken rule or a missed deadline is news.
    if (error !== undefined && !(wasOpen && isBroken(error))) this.#errors.report(error);
    if (unsure > 0) {
      this.#errors.report(
        new ProvisionerError('CONNECTION_LOST', `the connection broke while ${unsure} messages were being sent`, {
          cause: error,
          coordinates: { channel: this.#options.channel },
        }),
      );
    }
  }

  #dropLink(): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#link = undefined;
    this.#pastBytes += link.receivedBytes;
    link.end();
  }

  /** One batch is in flight at a time, so that after a loss it is known what had certainly not left. */
  #flush(): void {
    const link = this.#link;
    if (link === undefined || (this.#phase !== 'open' && this.#phase !== 'leaving')) return;
    if (this.#queue.isSettled) {
      if (this.#phase === 'leaving') link.leave(this.#settings.lingerMs);
      return;
    }
    if (this.#queue.isEmpty || this.#queue.isInFlight) return;
    link.write(encodeMessages(this.#queue.take(BATCH_BYTES)), () => {
      if (this.#link !== link) return;
      this.#queue.settle();
      this.#flush();
    });
  }
}

function isBroken(error: Error): boolean {
  return 'code' in error && error.code === 'CONNECTION_LOST';
}

function abandon(stream: Duplex): void {
  stream.on('error', () => undefined);
  stream.destroy();
}
