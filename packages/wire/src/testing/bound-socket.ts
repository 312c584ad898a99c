import type { ConnectionInfo } from '@gateway-provisioners/core';
import type { Frames } from '../channel-socket.ts';
import type { ZeromqLibrary } from '../zeromq/library.ts';
import { withIpv6 } from '../zeromq/library.ts';

type Router = InstanceType<ZeromqLibrary['Router']>;
type Publisher = InstanceType<ZeromqLibrary['Publisher']>;
type XPublisher = InstanceType<ZeromqLibrary['XPublisher']>;

/** libzmq's default is the interval itself, too short for a busy machine. */
const HEARTBEAT_TIMEOUT_MS = 5_000;

interface BoundSocketOptions {
  readonly library: ZeromqLibrary;
  readonly info: ConnectionInfo;
  readonly heartbeatIntervalMs: number;
}

/** One bound libzmq socket with an unbounded send queue: a test decides itself how much it sends. */
export class BoundSocket implements AsyncDisposable {
  readonly #socket: Router | Publisher | XPublisher;
  readonly #reading: Promise<void>;
  readonly #waiting: (() => void)[] = [];
  #queue: Frames[] = [];
  #sending: Promise<void> | undefined;
  #receivedCount = 0;

  private constructor(
    socket: Router | Publisher | XPublisher,
    onMessage: ((frames: readonly Buffer[], self: BoundSocket) => void) | undefined,
  ) {
    this.#socket = socket;
    this.#reading = 'receive' in socket ? this.#read(socket, onMessage) : Promise.resolve();
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

  send(frames: Frames): void {
    this.#queue.push(frames);
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
        for (const frames of batch) {
          if (this.#socket.closed) return;
          await this.#socket.send([...frames]);
        }
      }
    } finally {
      this.#sending = undefined;
    }
  }

  async #read(
    socket: Router | XPublisher,
    onMessage: ((frames: readonly Buffer[], self: BoundSocket) => void) | undefined,
  ): Promise<void> {
    for await (const frames of socket) {
      this.#receivedCount += 1;
      this.#wake();
      onMessage?.(frames, this);
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
