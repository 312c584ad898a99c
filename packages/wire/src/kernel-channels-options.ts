import type { Clock, KernelConnection, Logger, Observed } from '@gateway-provisioners/core';
import type { ChannelEngine } from './channel-socket.ts';
import type { KernelMessage } from './kernel-message.ts';

/** For whom a message is. */
export type Route =
  | { readonly to: 'all' }
  | { readonly to: 'client'; readonly clientKey: string }
  /** An answer to no client that is known, or what our own requests left on iopub. */
  | { readonly to: 'nobody' };

export interface RoutedMessage {
  readonly message: KernelMessage;
  readonly route: Route;
}

/**
 * Of iopub and shell together.
 * - `closed`: not opened, or disposed of
 * - `connecting`: not both have shaken hands yet
 * - `open`: both have
 * - `lost`: one of them lost its peer and is trying again
 */
export type KernelChannelsState = 'closed' | 'connecting' | 'open' | 'lost';

/** Counted since the channels were made. */
export interface ChannelCounters {
  /** Verified messages. */
  readonly receivedMessages: number;
  /** Everything that came in, frames of refused messages included. */
  readonly receivedBytes: number;
  readonly badSignatures: number;
  /** Messages whose signature had been seen before. */
  readonly replays: number;
  readonly malformed: number;
  /** Answers whose client is not known. */
  readonly undeliverable: number;
}

export interface KernelChannelsOptions {
  /** A new value re-makes all sockets and fails the requests in flight. */
  readonly connection: Observed<KernelConnection>;
  /** Default `auto`: libzmq when the connection has CurveZMQ keys, else our own ZMTP. */
  readonly engine?: 'auto' | 'zmtp' | 'zeromq' | ChannelEngine | undefined;
  /** Verified messages, all that one wake-up brought, in order per channel. Must not throw. */
  readonly onMessages: (batch: readonly RoutedMessage[]) => void;
  readonly onError?: ((error: Error) => void) | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
  /** Largest message accepted from the kernel, in bytes. Default 256 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** Bound of what may wait to be sent to the kernel, per channel, in bytes. Default 64 MiB. */
  readonly maxQueuedBytes?: number | undefined;
}

/** How long to wait for a connection. */
export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** Default 60,000. */
  readonly timeoutMs?: number | undefined;
}

/** How long an internal request may take. */
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
}
