import { randomUUID } from 'node:crypto';
import { Buffer } from 'node:buffer';
import type { ChannelName, Clock, KernelConnection, Logger } from '@gateway-provisioners/core';
import type { ChannelEngine, ChannelSocket, ChannelSocketState, Frames } from './channel-socket.ts';

export interface ChannelSetOptions {
  readonly engine: ChannelEngine;
  readonly connection: KernelConnection;
  readonly onFrames: (channel: ChannelName, batch: readonly Frames[]) => void;
  readonly onState: (channel: ChannelName, state: ChannelSocketState) => void;
  readonly onError: (error: Error) => void;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  readonly maxMessageBytes?: number | undefined;
  readonly maxQueuedBytes?: number | undefined;
}

/** The sockets of one connection to a kernel, each opened when first asked for. */
export class ChannelSet implements AsyncDisposable {
  readonly #options: ChannelSetOptions;
  /** One for shell, control and stdin: the kernel asks for input on stdin whoever sent the request on shell. */
  readonly #identity = Buffer.from(randomUUID());
  readonly #sockets = new Map<ChannelName, ChannelSocket>();
  readonly #wereOpen = new Set<ChannelName>();
  readonly #closings = new Set<Promise<void>>();
  #isDisposed = false;

  constructor(options: ChannelSetOptions) {
    this.#options = options;
  }

  get channels(): readonly ChannelName[] {
    return [...this.#sockets.keys()];
  }

  /** `closed` when not opened. */
  stateOf(channel: ChannelName): ChannelSocketState {
    return this.#sockets.get(channel)?.state.current ?? 'closed';
  }

  has(channel: ChannelName): boolean {
    return this.#sockets.has(channel);
  }

  /** Whether the channel has been open since it was made, even if it is lost now. */
  wasOpen(channel: ChannelName): boolean {
    return this.#wereOpen.has(channel);
  }

  /** The socket of a channel, made if need be. Throws `INVALID_CONNECTION_INFO`. */
  socket(channel: ChannelName): ChannelSocket {
    const present = this.#sockets.get(channel);
    if (present !== undefined && present.state.current !== 'closed') return present;
    // One that failed for good makes room for another attempt.
    this.close(channel);
    const { engine, connection, logger, clock, maxMessageBytes, maxQueuedBytes, onError } = this.#options;
    const isCurrent = (): boolean => !this.#isDisposed && this.#sockets.get(channel) === socket;
    const socket: ChannelSocket = engine.open({
      channel,
      connection,
      identity: this.#identity,
      logger,
      clock,
      maxMessageBytes,
      maxQueuedBytes,
      onMessages: (batch) => {
        if (isCurrent()) this.#options.onFrames(channel, batch);
      },
      onError: (error) => {
        if (isCurrent()) onError(error);
      },
    });
    this.#sockets.set(channel, socket);
    socket.state.subscribe((state) => {
      if (!isCurrent()) return;
      if (state === 'open') this.#wereOpen.add(channel);
      this.#options.onState(channel, state);
    });
    return socket;
  }

  close(channel: ChannelName): void {
    const socket = this.#sockets.get(channel);
    if (socket === undefined) return;
    this.#sockets.delete(channel);
    this.#wereOpen.delete(channel);
    const closing = Promise.resolve(socket[Symbol.asyncDispose]())
      .catch((error: unknown) => {
        this.#options.logger?.warn('a channel could not be closed', { channel, error });
      })
      .finally(() => this.#closings.delete(closing));
    this.#closings.add(closing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    for (const channel of this.channels) this.close(channel);
    await Promise.all(this.#closings);
  }
}
