import type { ChannelName } from '@gateway-provisioners/core';
import type { Route } from './kernel-channels-options.ts';
import type { KernelMessage } from './kernel-message.ts';

/** Requests remembered at once, over all clients; the oldest is forgotten first. */
const MAX_REQUESTS = 16_384;
/** Requests in flight under one message id. */
const MAX_SAME_ID = 64;
const MAX_SESSIONS = 1_024;
/** Longer ids are the sender's own affair: its answers are routed by session. */
const MAX_ID_LENGTH = 1_024;
/** Messages that no kernel answers: remembering them would push out those that wait. */
const UNANSWERED = new Set(['comm_open', 'comm_msg', 'comm_close', 'input_reply']);

const NOBODY: Route = { to: 'nobody' };

interface SentRequest {
  readonly clientKey: string;
  readonly channel: ChannelName;
  /** Whether the kernel may ask its client for input meanwhile. */
  readonly mayAsk: boolean;
}

/**
 * Remembers who asked what, so that answers find their way: by the id of the request, else by its session. A kernel
 * answers the requests of one channel in order, so that clients which use the same id each get their own answer.
 */
export class ReplyRouter {
  readonly #requests = new Map<string, SentRequest[]>();
  /** Session ids, and the keys of clients, to keys of clients. */
  readonly #sessions = new Map<string, string>();

  /** Notes a request that was sent. */
  record(message: KernelMessage, clientKey: string): void {
    const { msg_id: msgId, msg_type: msgType, session } = message.header;
    this.#remember(clientKey, clientKey);
    // Who came first keeps it: nobody gets another's answers by naming that other's session.
    if (session !== '' && session.length <= MAX_ID_LENGTH && !this.#sessions.has(session)) {
      this.#remember(session, clientKey);
    }
    if (UNANSWERED.has(msgType) || msgId.length > MAX_ID_LENGTH) return;
    const request = { clientKey, channel: message.channel, mayAsk: msgType === 'execute_request' };
    const sameId = this.#requests.get(msgId);
    if (sameId === undefined) {
      this.#requests.set(msgId, [request]);
      if (this.#requests.size > MAX_REQUESTS) dropOldest(this.#requests);
    } else if (sameId.length < MAX_SAME_ID) sameId.push(request);
  }

  /** Where an answer on shell or control, or a question on stdin, goes. An answer settles its request. */
  route(message: KernelMessage): Route {
    const { msg_id: msgId = '', session = '' } = message.parentHeader;
    const clientKey = this.#find(msgId, message.channel) ?? this.#sessions.get(session);
    return clientKey === undefined ? NOBODY : { to: 'client', clientKey };
  }

  /** Whether a request is out that may ask its client for input. */
  get mayAskForInput(): boolean {
    for (const sameId of this.#requests.values()) if (sameId.some((request) => request.mayAsk)) return true;
    return false;
  }

  /** Answers to this client go to nobody from now on. */
  forgetClient(clientKey: string): void {
    for (const [session, key] of this.#sessions) if (key === clientKey) this.#sessions.delete(session);
    for (const [msgId, sameId] of this.#requests) {
      const others = sameId.filter((request) => request.clientKey !== clientKey);
      if (others.length === 0) this.#requests.delete(msgId);
      else if (others.length < sameId.length) this.#requests.set(msgId, others);
    }
  }

  /** The kernel that was asked is gone; clients stay known. */
  forgetRequests(): void {
    this.#requests.clear();
  }

  #find(msgId: string, channel: ChannelName): string | undefined {
    const sameId = this.#requests.get(msgId);
    if (sameId === undefined) return undefined;
    if (channel === 'stdin') return sameId[0]?.clientKey;
    const index = sameId.findIndex((request) => request.channel === channel);
    if (index < 0) return undefined;
    const [request] = sameId.splice(index, 1);
    if (sameId.length === 0) this.#requests.delete(msgId);
    return request?.clientKey;
  }

  #remember(session: string, clientKey: string): void {
    this.#sessions.set(session, clientKey);
    if (this.#sessions.size > MAX_SESSIONS) dropOldest(this.#sessions);
  }
}

function dropOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
