import { ProvisionerError } from '@gateway-provisioners/core';
import type { ChannelName } from '@gateway-provisioners/core';
import type { KernelMessage } from './kernel-message.ts';

/** Requests of ours whose traces are still recognised; the oldest is forgotten first. */
const MAX_KNOWN = 64;
/** How long after the answer the `status` messages of a request may still arrive. */
const KEEP_AFTER_REPLY_MS = 60_000;

interface InternalRequest {
  readonly channel: ChannelName;
  readonly settle: { resolve: (reply: KernelMessage) => void; reject: (error: Error) => void };
  isPending: boolean;
  isIdle: boolean;
  /** When to forget it; none while its answer may come. */
  forgetAt: number;
}

/** Requests that the gateway itself sends to a kernel. No client sees their answers or what they leave on iopub. */
export class InternalRequests {
  readonly #known = new Map<string, InternalRequest>();

  /** Notes a request; the promise settles with its answer, or when it is cancelled or its channel is lost. */
  add(message: KernelMessage): Promise<KernelMessage> {
    return new Promise((resolve, reject) => {
      this.#known.set(message.header.msg_id, {
        channel: message.channel,
        settle: { resolve, reject },
        isPending: true,
        isIdle: false,
        forgetAt: Number.POSITIVE_INFINITY,
      });
      for (const [msgId, request] of this.#known) {
        if (this.#known.size <= MAX_KNOWN) break;
        if (!request.isPending) this.#known.delete(msgId);
      }
    });
  }

  /** The caller stopped waiting; a late answer is still kept from clients. */
  cancel(message: KernelMessage, error: Error, now: number): void {
    const request = this.#known.get(message.header.msg_id);
    if (request?.isPending === true) fail(request, error, now);
  }

  /** False lets the receiver skip parsing parent headers. */
  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  isWaitingOn(channel: ChannelName): boolean {
    for (const request of this.#known.values()) if (request.isPending && request.channel === channel) return true;
    return false;
  }

  /** True when the message answers a request of ours, or is what the kernel says on iopub or stdin about one. */
  take(message: KernelMessage, now: number): boolean {
    const msgId = message.parentHeader.msg_id;
    const request = msgId === undefined ? undefined : this.#known.get(msgId);
    if (msgId === undefined || request === undefined) return false;
    if (message.channel === request.channel && request.isPending) {
      request.isPending = false;
      request.forgetAt = now + KEEP_AFTER_REPLY_MS;
      request.settle.resolve(message);
    } else if (message.channel === 'iopub' && saysIdle(message)) request.isIdle = true;
    // The two come on different sockets, in either order.
    if (request.isIdle && !request.isPending) this.#known.delete(msgId);
    return true;
  }

  /** Forgets what is over. */
  prune(now: number): void {
    for (const [msgId, request] of this.#known) if (request.forgetAt <= now) this.#known.delete(msgId);
  }

  /** Fails what waits for an answer, on one channel or on all. */
  failAll(error: Error, options: { readonly channel?: ChannelName; readonly now: number }): void {
    for (const request of this.#known.values()) {
      if (request.isPending && (options.channel ?? request.channel) === request.channel)
        fail(request, error, options.now);
    }
  }
}

/** The error of requests whose answer can no longer come. */
export function lostError(what: string): ProvisionerError {
  return new ProvisionerError('CONNECTION_LOST', `${what}; the answer can no longer come`);
}

function fail(request: InternalRequest, error: Error, now: number): void {
  request.isPending = false;
  request.forgetAt = now + KEEP_AFTER_REPLY_MS;
  request.settle.reject(error);
}

function saysIdle(message: KernelMessage): boolean {
  if (message.header.msg_type !== 'status') return false;
  try {
    return message.parseContent()['execution_state'] === 'idle';
  } catch {
    return false;
  }
}
