import { delay } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import type { Frames } from '../channel-socket.ts';
import type { ZeromqLibrary } from '../zeromq/library.ts';
import { withIpv6 } from '../zeromq/library.ts';

type Router = InstanceType<ZeromqLibrary['Router']>;
type Publisher = InstanceType<ZeromqLibrary['Publisher']>;
type XPublisher = InstanceType<ZeromqLibrary['XPublisher']>;

/** libzmq's default is the interval itself, too short for a busy machine. */
const HEARTBEAT_TIMEOUT_MS = 5_000;
const PATIENT_ATTEMPTS = 400;
const RETRY_MS = 5;

interface BoundSocketOptions {
  readonly library: ZeromqLibrary;
  readonly info: ConnectionInfo;
  readonly heartbeatIntervalMs: number;
}

/** One bound libzmq socket with an unbounded send queue: a test decides itself how much it sends. */
export class BoundSocket implements AsyncDisposable {
  readonly #socket: Router | Publisher | XPublisher;
  readonly #onMessage: ((frames: readonly Buffer[], self: BoundSocket) => void) | undefined;
  #reading: Promise<void> | undefined;
  readonly #waiting: (() => void)[] = [];
  #queue: { readonly frames: Frames; readonly attempts: number }[] = [];
  #sending: Promise<void> | undefined;
  #receivedCount = 0;

  private constructor(
    socket: Router | Publisher | XPublisher,
    onMessage: ((frames: readonly Buffer[], self: BoundSocket) => void) | undefined,
  ) {
    this.#socket = socket;
    this.#onMessage = onMessage;
  }

  static router(
    options: BoundSocketOptions & {
      readonly onMessage: (frames: readonly Buffer[], self: BoundSocket) => void;
    },
  ): BoundSocket {
    const { library } = options;
    const socket = withIpv6(library, options.info.ip, () => new library.Router());
    // As ipykernel: a client that comes back with its identity takes over from its dead connection.
    socket.handover = true;
    // Tells of a client that is not known (yet), instead of dropping its message.
    socket.mandatory = true;
    socket.receiveHighWaterMark = 0;
    configure(socket, { ...options, highWaterMark: 0 });
    return new BoundSocket(socket, options.onMessage);
  }

  static publisher(
    options: BoundSocketOptions & { readonly type: 'PUB' | 'XPUB'; readonly highWaterMark: number },
  ): BoundSocket {
    const { library, type } = options;
    const socket = withIpv6(library, options.info.ip, () =>
      type === 'PUB' ? new library.Publisher() : new library.XPublisher(),
    );
    if ('verbosity' in socket) socket.verbosity = 'allSubs';
    configure(socket, options);
    return new BoundSocket(socket, undefined);
  }

  /** Binds and returns the endpoint. */
  async bind(address: string): Promise<string> {
    await this.#socket.bind(address);
    return this.#socket.lastEndpoint ?? '';
  }

  /**
   * Takes messages from the next turn of the event loop on. Not before all that they need is there: while a socket is being
   * bound clients get through to it, but it can send nothing.
   */
  start(): void {
    if ('receive' in this.#socket) this.#reading = this.#read(this.#socket);
  }

  /**
   * Queues a message. A ROUTER drops it when its client is gone; `patient`, it first waits a while for the client to
   * become known: a client calls itself connected before its peer has read who it is.
   */
  send(frames: Frames, options: { readonly patient?: boolean } = {}): void {
    this.#queue.push({ frames, attempts: options.patient === true ? PATIENT_ATTEMPTS : 1 });
    this.#sending ??= this.#sendAll();
  }

  async flushed(): Promise<void> {
    await this.#sending;
  }

  /** Settles when `count` messages (subscriptions, for an XPUB) have come in. */
  async received(count: number): Promise<void> {
    while (this.#receivedCount < count && !this.#socket.closed) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue = [];
    this.#socket.close();
    await Promise.allSettled([this.#reading, this.#sending]);
    this.#wake();
  }

  async #sendAll(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const batch = this.#queue;
        this.#queue = [];
        for (const { frames, attempts } of batch) {
          for (let attempt = 1; attempt <= attempts && !this.#socket.closed; attempt += 1) {
            if (await this.#sendOnce(frames)) break;
            if (attempt < attempts) await delay(RETRY_MS);
          }
        }
      }
    } finally {
      this.#sending = undefined;
    }
  }

  /** False when a ROUTER does not know the client. */
  async #sendOnce(frames: Frames): Promise<boolean> {
    try {
      await this.#socket.send([...frames]);
      return true;
    } catch (error) {
      if (this.#socket.closed) return true;
      if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'EHOSTUNREACH') return false;
      throw error;
    }
  }

  async #read(socket: Router | XPublisher): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    for await (const frames of socket) {
      this.#receivedCount += 1;
      this.#wake();
      this.#onMessage?.(frames, this);
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function configure(
  socket: Router | Publisher | XPublisher,
  options: BoundSocketOptions & { readonly highWaterMark: number },
): void {
  socket.linger = 0;
  socket.sendHighWaterMark = options.highWaterMark;
  if (options.heartbeatIntervalMs > 0) {
    socket.heartbeatInterval = options.heartbeatIntervalMs;
    socket.heartbeatTimeout = HEARTBEAT_TIMEOUT_MS;
  }
  if (options.info.curve_publickey !== undefined && options.info.curve_secretkey !== undefined) {
    socket.curveServer = true;
    socket.curvePublicKey = options.info.curve_publickey;
    socket.curveSecretKey = options.info.curve_secretkey;
  }
}
