import { randomUUID } from 'node:crypto';
import type { Cancellation, Clock, Logger } from '@gateway-provisioners/core';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { KernelMessage, RoutedMessage } from '@gateway-provisioners/wire';
import type { CloseClientOptions, MessageSink } from '../types.ts';
import { ClientPort } from './client-port.ts';
import { Outbox } from './outbox.ts';

/** Sessions that are waited for at a time; a page that is loaded anew has a new one and never returns to the old. */
const MAX_AWAY_SESSIONS = 32;
/** How much more than its queue a client may have waiting of what cannot be dropped. */
const MIN_KEPT_BYTES = 8 * 1024 * 1024;
/** What waits for a client that is merely slow is soon gone; packing would cost more than it saves. */
const MAX_UNPACKED_BYTES = 4 * 1024 * 1024;

export interface JournalBounds {
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export interface ClientHubOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journal: JournalBounds;
  readonly clientQueueBytes: number;
  /** The number of clients changed. */
  readonly onConnections: () => void;
  /** Somebody came or left, headless executions included. */
  readonly onMembers: () => void;
  /** Nobody waits for this client's answers any more. */
  readonly onForgotten: (clientKey: string) => void;
}

export interface JoinOptions {
  readonly sink: MessageSink;
  readonly sessionId?: string | undefined;
  readonly maxQueuedBytes?: number | undefined;
  /** A headless execution: not counted as a connection, and given only what this accepts. */
  readonly accepts?: ((message: KernelMessage) => boolean) | undefined;
}

/** A client as the hub knows it. */
export interface HubClient {
  readonly clientKey: string;
  readonly isOpen: boolean;
  readonly queuedBytes: number;
  readonly dropped: { readonly messages: number; readonly bytes: number };
  resume(): void;
  close(options?: CloseClientOptions): void;
}

interface Member {
  readonly clientKey: string;
  readonly sessionId: string | undefined;
  readonly sink: MessageSink;
  readonly port: ClientPort;
  readonly accepts: ((message: KernelMessage) => boolean) | undefined;
  isOpen: boolean;
}

interface AwaySession {
  readonly outbox: Outbox;
  readonly since: number;
}

/**
 * All clients of one kernel: hands out what the kernel sends, each client at its own pace, and keeps what those miss
 * who are away and have a session id to come back with.
 */
export class ClientHub {
  readonly #options: ClientHubOptions;
  readonly #members = new Map<string, Member>();
  /** In the order in which they left. */
  readonly #away = new Map<string, AwaySession>();
  #cancelExpiry: Cancellation | undefined;

  constructor(options: ClientHubOptions) {
    this.#options = options;
  }

  /** Clients that are connected now. */
  get connections(): number {
    let count = 0;
    for (const member of this.#members.values()) if (member.accepts === undefined) count += 1;
    return count;
  }

  /** Whether anybody, a headless execution included, is there. */
  get isDeserted(): boolean {
    return this.#members.size === 0;
  }

  join(options: JoinOptions): HubClient {
    const { sessionId, sink } = options;
    const clientKey = sessionId ?? randomUUID();
    const maxBytes = options.maxQueuedBytes ?? this.#options.clientQueueBytes;
    const replaced = this.#members.get(clientKey);
    if (replaced !== undefined) this.#end(replaced, 'replaced');
    const bounds = { maxBytes, maxMessages: Infinity, packAboveBytes: Math.min(maxBytes / 8, MAX_UNPACKED_BYTES) };
    const outbox = this.#returning(clientKey) ?? new Outbox(bounds);
    outbox.setBounds(bounds);
    const member: Member = {
      clientKey,
      sessionId,
      sink,
      accepts: options.accepts,
      isOpen: true,
      port: new ClientPort({
        sink,
        outbox,
        maxKeptBytes: Math.max(maxBytes, MIN_KEPT_BYTES),
        onOverflow: () => {
          this.#options.logger.warn('a client does not read; its connection is ended', { clientKey });
          this.#end(member, 'overflow');
        },
        onBroken: (error) => {
          this.#options.logger.error('a message sink threw', { clientKey, error: errorMessage(error) });
          this.#leave(member, {});
        },
      }),
    };
    this.#members.set(clientKey, member);
    this.#options.onMembers();
    if (member.accepts === undefined) this.#options.onConnections();
    // Not at once: the caller has not got its client yet.
    if (!outbox.isEmpty) {
      queueMicrotask(() => {
        member.port.drain();
      });
    }
    return this.#handleOf(member);
  }

  /** From the kernel. */
  deliver(batch: readonly RoutedMessage[]): void {
    const shared = batch.every((routed) => routed.route.to === 'all')
      ? batch.map((routed) => routed.message)
      : undefined;
    // Somebody may come or leave while this is handed out; each must get it once.
    const members = [...this.#members.values()];
    for (const [key, session] of this.#away) keep(session.outbox, shared ?? messagesFor(batch, key));
    for (const member of members) {
      const messages = shared ?? messagesFor(batch, member.clientKey);
      if (!member.isOpen) keep(member.port.outbox, messages);
      else member.port.deliver(member.accepts === undefined ? messages : messages.filter(member.accepts));
    }
  }

  /** From the manager itself, for everybody. */
  broadcast(...messages: readonly KernelMessage[]): void {
    this.deliver(messages.map((message) => ({ message, route: { to: 'all' } })));
  }

  /** From the manager itself, for one. */
  tell(clientKey: string, messages: readonly KernelMessage[]): void {
    this.#members.get(clientKey)?.port.deliver(messages);
  }

  /** Ends all connections; nothing is kept for anybody. */
  end(reason: 'kernel-ended' | 'closed'): void {
    for (const member of [...this.#members.values()]) this.#end(member, reason);
    this.#away.clear();
    this.#cancelExpiry?.();
    this.#cancelExpiry = undefined;
  }

  #handleOf(member: Member): HubClient {
    return {
      clientKey: member.clientKey,
      get isOpen() {
        return member.isOpen;
      },
      get queuedBytes() {
        return member.port.outbox.queuedBytes;
      },
      get dropped() {
        return member.port.outbox.dropped;
      },
      resume: () => {
        if (member.isOpen) member.port.resume();
      },
      close: (options) => {
        this.#leave(member, options ?? {});
      },
    };
  }

  /** While its `end` runs, the sink may still call `close` to give back what it could not deliver. */
  #end(member: Member, reason: 'kernel-ended' | 'replaced' | 'overflow' | 'closed'): void {
    if (!member.isOpen) return;
    member.port.close();
    try {
      member.sink.end?.(reason);
    } catch (error) {
      this.#options.logger.error('a message sink threw', { error: errorMessage(error) });
    }
    this.#leave(member, {});
  }

  #leave(member: Member, { undelivered = [] }: CloseClientOptions): void {
    if (!member.isOpen) return;
    member.isOpen = false;
    member.port.close();
    this.#members.delete(member.clientKey);
    const { outbox } = member.port;
    if (member.sessionId === undefined) {
      outbox.clear();
      this.#options.onForgotten(member.clientKey);
    } else {
      outbox.unshift(undelivered);
      this.#keepFor(member.sessionId, outbox);
    }
    this.#options.onMembers();
    if (member.accepts === undefined) this.#options.onConnections();
  }

  #keepFor(sessionId: string, outbox: Outbox): void {
    const { maxBytes, maxMessages } = this.#options.journal;
    outbox.setBounds({ maxBytes, maxMessages });
    outbox.forceBounds();
    this.#away.set(sessionId, { outbox, since: this.#options.clock.now() });
    for (const oldest of this.#away.keys()) {
      if (this.#away.size <= MAX_AWAY_SESSIONS) break;
      this.#forget(oldest);
    }
    this.#scheduleExpiry();
  }

  #returning(sessionId: string): Outbox | undefined {
    const session = this.#away.get(sessionId);
    this.#away.delete(sessionId);
    return session?.outbox;
  }

  #forget(sessionId: string): void {
    this.#away.delete(sessionId);
    this.#options.onForgotten(sessionId);
  }

  #scheduleExpiry(): void {
    this.#cancelExpiry?.();
    const [oldest] = this.#away.values();
    if (oldest === undefined || !Number.isFinite(this.#options.journal.maxAgeMs)) return;
    const { clock, journal } = this.#options;
    this.#cancelExpiry = clock.schedule(
      oldest.since + journal.maxAgeMs - clock.now(),
      () => {
        for (const [sessionId, session] of this.#away) {
          if (clock.now() - session.since >= journal.maxAgeMs) this.#forget(sessionId);
        }
        this.#scheduleExpiry();
      },
      { background: true },
    );
  }
}

function keep(outbox: Outbox, messages: readonly KernelMessage[]): void {
  for (const message of messages) outbox.push(message);
  outbox.forceBounds();
}

function messagesFor(batch: readonly RoutedMessage[], clientKey: string): KernelMessage[] {
  const messages: KernelMessage[] = [];
  for (const { message, route } of batch) {
    if (route.to === 'all' || (route.to === 'client' && route.clientKey === clientKey)) messages.push(message);
  }
  return messages;
}

/** What a client gets that sends after it left. */
export function clientClosedError(): ProvisionerError {
  return new ProvisionerError('INVALID_STATE', 'this client has left, was replaced or its kernel has ended');
}
