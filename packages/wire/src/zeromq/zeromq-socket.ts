import {
  ProvisionerError,
  errorMessage,
  isProvisionerError,
  observed,
  silentLogger,
  toProvisionerError,
} from '@gateway-provisioners/core';
import type { Clock, Logger, Observed } from '@gateway-provisioners/core';
import { ErrorReporter } from '../channel-socket-errors.ts';
import { DEFAULT_MAX_MESSAGE_BYTES, DEFAULT_MAX_QUEUED_BYTES, hasCurveKey } from '../channel-socket-options.ts';
import { SendQueue } from '../channel-socket-queue.ts';
import type { ChannelSocket, ChannelSocketOptions, ChannelSocketState, Frames } from '../channel-socket.ts';
import { createDealer, createSubscriber, loadZeromq, zeromqAddress } from './library.ts';
import type { DealerSocket, SubscriberSocket, ZeromqLibrary } from './library.ts';
import { watchSocket } from './watch-socket.ts';

const FIRST_RETRY_MS = 10;
const MAX_RETRY_MS = 250;
/**
 * A minute of silence after the first probe, as with the other engine's PINGs. libzmq's own heartbeats are no choice: it
 * takes a peer for lost whose PONG stands behind messages that nobody has fetched.
 */
const KEEP_ALIVE_S = 15;
const KEEP_ALIVE_PROBES = 4;
/** libzmq counts an encrypted frame with its nonce and seal; the exact limit is kept here. */
const CURVE_OVERHEAD_BYTES = 64;
/** Bounds of one batch: a flood must not keep the event loop from everything else. */
const BATCH_MESSAGES = 256;
const BATCH_BYTES = 1024 * 1024;

export interface ZeromqSettings {
  readonly handshakeTimeoutMs: number;
  readonly lingerMs: number;
  readonly receiveHighWaterMark: number;
  readonly sendHighWaterMark: number;
  readonly clock: Clock;
}

/** A {@link ChannelSocket} over libzmq, which connects, encrypts and reconnects by itself in threads of its own. */
export class ZeromqSocket implements ChannelSocket {
  readonly #options: ChannelSocketOptions;
  readonly #settings: ZeromqSettings;
  readonly #maxMessageBytes: number;
  readonly #logger: Logger;
  readonly #state = observed<ChannelSocketState>('connecting');
  readonly #errors: ErrorReporter;
  readonly #queue: SendQueue;
  readonly #running: Promise<void>;
  #socket: DealerSocket | SubscriberSocket | undefined;
  #dealer: DealerSocket | undefined;
  #disposal: Promise<void> | undefined;
  #watching: Promise<void> = Promise.resolve();
  #receivedBytes = 0;
  #isPumping = false;
  #isPaused = false;
  #onResumed: (() => void) | undefined;
  #onSettled: (() => void) | undefined;

  constructor(options: ChannelSocketOptions, settings: ZeromqSettings) {
    this.#options = options;
    this.#settings = settings;
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
    this.#logger = options.logger ?? silentLogger;
    this.#errors = new ErrorReporter(options.onError);
    this.#queue = new SendQueue(options.channel, options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES);
    this.#running = this.#run();
  }

  get state(): Observed<ChannelSocketState> {
    return this.#state;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  send(frames: Frames): void {
    if (this.#isClosing) {
      throw new ProvisionerError('INVALID_STATE', `the ${this.#options.channel} channel is closed`);
    }
    this.#queue.push(frames);
    this.#pump();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#onResumed?.();
    this.#onResumed = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  get #isOpen(): boolean {
    return this.#state.current === 'open';
  }

  get #isClosing(): boolean {
    return this.#disposal !== undefined || this.#state.current === 'closed';
  }

  /** From the loading of the library to the socket's end. */
  async #run(): Promise<void> {
    try {
      const library = await loadZeromq();
      if (this.#isClosing) return;
      const socket = this.#connect(library);
      await this.#receive(socket);
    } catch (error) {
      if (!this.#isClosing) this.#errors.report(toProvisionerError(error));
    } finally {
      this.#close();
    }
    await this.#watching;
  }

  #connect(library: ZeromqLibrary): DealerSocket | SubscriberSocket {
    const { channel, identity, connection } = this.#options;
    const address = zeromqAddress(connection.info, channel);
    const { ip } = connection.info;
    const socket =
      channel === 'iopub'
        ? createSubscriber(library, { ip })
        : (this.#dealer = createDealer(library, { identity, ip }));
    this.#socket = socket;
    if (this.#dealer !== undefined) this.#dealer.sendHighWaterMark = this.#settings.sendHighWaterMark;
    socket.receiveHighWaterMark = this.#settings.receiveHighWaterMark;
    socket.linger = this.#settings.lingerMs;
    socket.reconnectInterval = FIRST_RETRY_MS;
    socket.reconnectMaxInterval = MAX_RETRY_MS;
    socket.handshakeInterval = this.#settings.handshakeTimeoutMs;
    socket.maxMessageSize = this.#maxMessageBytes + CURVE_OVERHEAD_BYTES;
    socket.tcpKeepalive = 1;
    socket.tcpKeepaliveIdle = KEEP_ALIVE_S;
    socket.tcpKeepaliveInterval = KEEP_ALIVE_S;
    socket.tcpKeepaliveCount = KEEP_ALIVE_PROBES;
    if (hasCurveKey(connection.info)) {
      const pair = library.curveKeyPair();
      socket.curveServerKey = connection.info.curve_publickey ?? null;
      socket.curvePublicKey = pair.publicKey;
      socket.curveSecretKey = pair.secretKey;
    }
    this.#watching = watchSocket(socket, {
      encrypted: hasCurveKey(connection.info),
      onOpen: () => {
        this.#errors.reset();
        this.#setState('open');
        this.#pump();
      },
      onLost: () => {
        if (this.#isOpen) this.#setState('lost');
      },
      onError: (error) => {
        this.#logger.debug('channel handshake failed', { channel, error: error.message });
        this.#errors.report(error);
      },
    });
    socket.connect(address);
    return socket;
  }

  async #receive(socket: DealerSocket | SubscriberSocket): Promise<void> {
    while (!socket.closed) {
      if (this.#isPaused) {
        await new Promise<void>((resolve) => {
          this.#onResumed = resolve;
        });
        continue;
      }
      const batch: Frames[] = [];
      let batchBytes = 0;
      do {
        const frames = await socket.receive();
        const size = sizeOf(frames);
        batchBytes += size;
        if (size > this.#maxMessageBytes) this.#reportTooLarge(size);
        else batch.push(frames);
      } while (this.#takesMore(batch.length, batchBytes) && socket.readable);
      this.#receivedBytes += batchBytes;
      if (batch.length > 0 && !this.#isClosing) this.#options.onMessages(batch);
    }
  }

  #takesMore(batchMessages: number, batchBytes: number): boolean {
    return batchMessages < BATCH_MESSAGES && batchBytes < BATCH_BYTES && !this.#isPaused;
  }

  /** Sends what is queued, one after another: the library refuses overlapping sends. */
  #pump(): void {
    if (!this.#isPumping && this.#isOpen && this.#dealer !== undefined) void this.#sendAll(this.#dealer);
  }

  async #sendAll(socket: DealerSocket): Promise<void> {
    this.#isPumping = true;
    while (!this.#queue.isEmpty && !socket.closed && this.#isOpen) {
      for (const frames of this.#queue.take(1)) {
        try {
          await socket.send([...frames]);
        } catch (error) {
          if (!this.#isClosing) this.#errors.report(sendError(error));
        }
      }
      this.#queue.settle();
    }
    // Right after the last look at the queue: whoever adds to it from now on starts the pump again.
    this.#isPumping = false;
    if (this.#queue.isSettled) this.#onSettled?.();
  }

  async #dispose(): Promise<void> {
    if (this.#isOpen && !this.#queue.isSettled) {
      await new Promise<void>((resolve) => {
        const cancel = this.#settings.clock.schedule(this.#settings.lingerMs, resolve);
        this.#onSettled = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#close();
    await this.#running;
  }

  #close(): void {
    this.#queue.clear();
    this.#socket?.close();
    this.resume();
    this.#setState('closed');
  }

  #setState(state: ChannelSocketState): void {
    if (this.#state.current !== state && this.#state.current !== 'closed') this.#state.set(state);
  }

  #reportTooLarge(size: number): void {
    this.#errors.report(
      new ProvisionerError(
        'MESSAGE_TOO_LARGE',
        `the peer sent a message of ${size} bytes, more than ${this.#maxMessageBytes} (maxMessageBytes); dropped`,
      ),
    );
  }
}

function sendError(error: unknown): Error {
  if (isProvisionerError(error)) return error;
  return new ProvisionerError('CONNECTION_LOST', `a message could not be sent: ${errorMessage(error)}`, {
    cause: error,
  });
}

function sizeOf(frames: Frames): number {
  let size = 0;
  for (const frame of frames) size += frame.length;
  return size;
}
