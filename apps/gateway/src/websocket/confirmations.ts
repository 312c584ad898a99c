import type { Cancellation, Clock } from '@gateway-provisioners/core';
import type { KernelMessage } from '@gateway-provisioners/wire';

export interface ConfirmationsOptions {
  /** Sends a ping with this payload, behind what was sent before. */
  readonly ping: (payload: string) => void;
  /** Bound, in bytes, of what is kept; the oldest goes first. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Least time between two pings while little is unconfirmed. Default 50. */
  readonly paceMs?: number | undefined;
}

/** With so much unconfirmed the next ping leaves at once. */
const ASK_AT_BYTES = 1024 * 1024;

interface Batch {
  readonly messages: readonly KernelMessage[];
  readonly bytes: number;
}

/** Of all batches, how many had been sent when the ping was. Nothing else that a peer may send looks like it. */
const payloadPattern = /^sent ([1-9][0-9]{0,14})$/;

/**
 * What has been sent to a client and may not have arrived. WebSocket clients answer a ping (RFC 6455 §5.5.2) with its
 * payload, in the order of the stream: the answer proves that all that was sent before has arrived. One ping is under
 * way at a time, and there are few: each costs both sides as much as a message does.
 */
export class Confirmations {
  readonly #options: ConfirmationsOptions;
  #batches: Batch[] = [];
  #bytes = 0;
  /** Batches that were sent; of these, how many are no longer kept. */
  #sent = 0;
  #gone = 0;
  /** What the ping asks for that is under way. */
  #asked = 0;
  #isAsking = false;
  #askedAt = -Infinity;
  #cancelTimer: Cancellation | undefined;

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
  }

  /** Batches that may not have arrived, in the order of sending. */
  get unconfirmed(): readonly (readonly KernelMessage[])[] {
    return this.#batches.map(({ messages }) => messages);
  }

  /** After a batch was handed to the socket, and before the socket lets it go. */
  onSent(messages: readonly KernelMessage[], bytes: number): void {
    this.#batches.push({ messages, bytes });
    this.#bytes += bytes;
    this.#sent += 1;
    while (this.#bytes > this.#options.maxBytes && this.#batches.length > 1) this.#forget(1);
    this.#askInTime();
  }

  onPong(payload: string): void {
    const count = Number(payloadPattern.exec(payload)?.[1] ?? 0);
    // A pong that nobody asked for is allowed, and says nothing.
    if (!this.#isAsking || count !== this.#asked) return;
    this.#isAsking = false;
    this.#forget(count - this.#gone);
    if (this.#batches.length > 0) this.#askInTime();
  }

  /** Repeats the ping that is under way, if one is: of several pings a client may answer the last one alone. */
  askAgain(): boolean {
    if (this.#isAsking) this.#options.ping(payloadOf(this.#asked));
    return this.#isAsking;
  }

  clear(): void {
    this.#batches = [];
    this.#bytes = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #askInTime(): void {
    if (this.#isAsking) return;
    const { clock, paceMs = 50 } = this.#options;
    // Never longer than the pace: the clock may have been set back.
    const waitMs = Math.min(paceMs, this.#askedAt + paceMs - clock.now());
    if (waitMs <= 0 || this.#bytes >= ASK_AT_BYTES) {
      this.#ask();
      return;
    }
    this.#cancelTimer ??= clock.schedule(
      waitMs,
      () => {
        this.#ask();
      },
      { background: true },
    );
  }

  #ask(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#isAsking = true;
    this.#askedAt = this.#options.clock.now();
    this.#asked = this.#sent;
    this.#options.ping(payloadOf(this.#asked));
  }

  #forget(count: number): void {
    if (count <= 0) return;
    for (const { bytes } of this.#batches.splice(0, count)) this.#bytes -= bytes;
    this.#gone += count;
  }
}

function payloadOf(count: number): string {
  return `sent ${String(count)}`;
}
