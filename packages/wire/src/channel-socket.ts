import type { ChannelName, Clock, KernelConnection, Logger, Observed } from '@gateway-provisioners/core';

/** A ZeroMQ multipart message as received or to be sent, without routing identities. */
export type Frames = readonly Buffer[];

/**
 * - `connecting`: no peer yet; sends are queued within their bound
 * - `open`: handshake done
 * - `lost`: the peer is gone; the socket is trying again
 * - `closed`: disposed of, or failed for good
 */
export type ChannelSocketState = 'connecting' | 'open' | 'lost' | 'closed';

export interface ChannelSocketOptions {
  readonly channel: ChannelName;
  readonly connection: KernelConnection;
  /** DEALER routing id, 1..255 bytes; not used for iopub, which is a SUB socket with one empty subscription. */
  readonly identity: Buffer;
  /**
   * All messages that one wake-up brought, in order. Must not throw. Buffers belong to the receiver; they may be views
   * of a chunk of up to 64 KiB that the neighbouring messages share.
   */
  readonly onMessages: (batch: readonly Frames[]) => void;
  /**
   * A peer broke the protocol, or the connection cannot be made, or it broke while messages were being sent. Each error
   * is told once until the socket is open again, however often it is met. A kernel that does not listen (yet) is none.
   */
  readonly onError?: ((error: Error) => void) | undefined;
  /**
   * Largest message accepted, sum of its frames. Default 256 MiB; a larger one is not delivered: zmtp ends the
   * connection with an error, zeromq reports an error or (one frame beyond the limit) ends the connection in silence.
   */
  readonly maxMessageBytes?: number | undefined;
  /** Bound of what may wait to be sent; beyond it `send` rejects. Default 64 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}

/** One channel of one kernel: a DEALER (shell, stdin, control) or SUB (iopub) socket. Owned by whoever opened it. */
export interface ChannelSocket extends AsyncDisposable {
  readonly state: Observed<ChannelSocketState>;
  /** Bytes received so far, frame headers excluded. */
  readonly receivedBytes: number;
  /** Bytes accepted by {@link send} and not yet handed to the operating system. */
  readonly queuedBytes: number;
  /**
   * Queues one message; never blocks. Messages leave in order. Throws `INVALID_STATE` when closed and `LIMIT_EXCEEDED`
   * when the queue is full; what was queued survives a reconnect unless part of it had already left. The frames must
   * not be changed afterwards.
   */
  send(frames: Frames): void;
  /** Stops reading, so that the peer is pushed back; messages already read may still be delivered. */
  pause(): void;
  resume(): void;
  /** Closes for good. If the peer is there, what is queued gets a moment to leave. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A way to make channel sockets. Both engines are held to one suite. */
export interface ChannelEngine {
  readonly name: 'zmtp' | 'zeromq';
  /** Whether this engine can serve the connection (CurveZMQ keys, a custom transport). */
  supports(connection: KernelConnection): boolean;
  /** Returns at once with a socket that is `connecting`. Throws `INVALID_CONNECTION_INFO`. */
  open(options: ChannelSocketOptions): ChannelSocket;
}
