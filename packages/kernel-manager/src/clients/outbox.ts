import { Buffer } from 'node:buffer';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { droppedMarker } from '../messages/own-messages.ts';

export interface OutboxBounds {
  /** Of what waits, in bytes, {@link ENTRY_BYTES} a message included. */
  readonly maxBytes: number;
  readonly maxMessages: number;
}

/** A run of dropped messages; becomes one marker. */
interface Gap {
  messages: number;
  bytes: number;
  readonly parentHeader: Buffer;
  readonly session: string;
}

type Slot = KernelMessage | Gap | undefined;

/** What a message costs in memory beside its own bytes: objects, views, the parsed headers. */
export const ENTRY_BYTES = 1_024;

const COMPACT_AT = 1_024;

/**
 * Messages that wait for one client, in order and bounded. When the bound is hit, the oldest output goes (iopub, but
 * for `status`) and a marker takes its place; replies, statuses and input requests stay.
 */
export class Outbox {
  #bounds: OutboxBounds;
  #slots: Slot[] = [];
  #head = 0;
  /** No droppable message is before this index. */
  #dropFrom = 0;
  #lastGap = -1;
  /** Between the last gap and this index all slots are emptied. */
  #gapRunEnd = -1;
  #messages = 0;
  #bytes = 0;
  #keptBytes = 0;
  #droppedMessages = 0;
  #droppedBytes = 0;

  constructor(bounds: OutboxBounds) {
    this.#bounds = bounds;
  }

  get isEmpty(): boolean {
    return this.#head === this.#slots.length;
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  /** Of it, what may not be dropped. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  get dropped(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#droppedMessages, bytes: this.#droppedBytes };
  }

  setBounds(bounds: OutboxBounds): void {
    this.#bounds = bounds;
    this.#shrink();
  }

  push(message: KernelMessage): void {
    this.#slots.push(message);
    this.#count(message, 1);
    this.#shrink();
  }

  /** Puts messages before all others: a sink gives back what it could not deliver. */
  unshift(messages: readonly KernelMessage[]): void {
    this.#slots = [...messages, ...this.#slots.slice(this.#head)];
    this.#head = 0;
    this.#dropFrom = 0;
    this.#lastGap = -1;
    this.#gapRunEnd = -1;
    for (const message of messages) this.#count(message, 1);
    this.#shrink();
  }

  /** Removes and returns up to so many bytes and messages from the front, at least one; markers stand for gaps. */
  take(maxBytes: number, maxMessages: number): KernelMessage[] {
    const taken: KernelMessage[] = [];
    let bytes = 0;
    while (this.#head < this.#slots.length && taken.length < maxMessages && bytes < maxBytes) {
      const slot = this.#slots[this.#head];
      this.#slots[this.#head] = undefined;
      this.#head += 1;
      if (slot === undefined) continue;
      const message = isGap(slot) ? droppedMarker(slot) : slot;
      if (!isGap(slot)) this.#count(slot, -1);
      bytes += message.sizeBytes;
      taken.push(message);
    }
    if (this.#head > this.#slots.length / 2) this.#compact();
    return taken;
  }

  /** Moves everything that waits in another one to the end of this one. */
  adopt(other: Outbox): void {
    for (const slot of other.#slots.slice(other.#head)) {
      if (slot === undefined) continue;
      this.#slots.push(slot);
      if (!isGap(slot)) this.#count(slot, 1);
    }
    this.#droppedMessages += other.#droppedMessages;
    this.#droppedBytes += other.#droppedBytes;
    other.clear();
    this.#shrink();
  }

  /** Drops from the front, whatever it is, until the bounds hold: for a client that is away. */
  forceBounds(): void {
    if (!this.#isOver()) return;
    let front: Gap | undefined;
    let at = this.#head;
    for (; at < this.#slots.length && this.#isOver(); at += 1) {
      const slot = this.#slots[at];
      this.#slots[at] = undefined;
      if (slot === undefined) continue;
      front = isGap(slot) ? mergeGaps(front, slot) : this.#drop(slot, front);
    }
    if (front !== undefined) this.#slots[at - 1] = front;
    this.#head = front === undefined ? at : at - 1;
    this.#compact();
  }

  clear(): void {
    this.#slots = [];
    this.#head = 0;
    this.#dropFrom = 0;
    this.#lastGap = -1;
    this.#gapRunEnd = -1;
    this.#messages = 0;
    this.#bytes = 0;
    this.#keptBytes = 0;
  }

  #isOver(): boolean {
    return this.#bytes > this.#bounds.maxBytes || this.#messages > this.#bounds.maxMessages;
  }

  #shrink(): void {
    if (!this.#isOver()) return;
    this.#dropFrom = Math.max(this.#dropFrom, this.#head);
    while (this.#isOver() && this.#dropFrom < this.#slots.length) {
      const slot = this.#slots[this.#dropFrom];
      if (slot !== undefined && !isGap(slot) && isDroppable(slot)) this.#dropAt(this.#dropFrom, slot);
      this.#dropFrom += 1;
    }
    // Emptied slots in the middle must not pile up behind a client that never reads.
    if (this.#slots.length - this.#head > 2 * (this.#messages + COMPACT_AT)) this.#compact();
  }

  #dropAt(at: number, message: KernelMessage): void {
    const before = this.#slots[at === this.#gapRunEnd ? this.#lastGap : at - 1];
    if (before !== undefined && isGap(before)) {
      this.#drop(message, before);
      this.#slots[at] = undefined;
    } else {
      this.#slots[at] = this.#drop(message, undefined);
      this.#lastGap = at;
    }
    this.#gapRunEnd = at + 1;
  }

  #drop(message: KernelMessage, gap: Gap | undefined): Gap {
    this.#count(message, -1);
    this.#droppedMessages += 1;
    this.#droppedBytes += message.sizeBytes;
    // A copy: a view would keep the whole chunk that was read from the socket.
    const into = gap ?? {
      messages: 0,
      bytes: 0,
      parentHeader: Buffer.from(message.parts.parentHeader),
      session: message.header.session,
    };
    into.messages += 1;
    into.bytes += message.sizeBytes;
    return into;
  }

  #compact(): void {
    const gap = this.#lastGap >= this.#head ? this.#slots[this.#lastGap] : undefined;
    const seen = this.#slots.slice(this.#head, Math.max(this.#head, this.#dropFrom));
    this.#dropFrom = seen.filter((slot) => slot !== undefined).length;
    this.#slots = this.#slots.slice(this.#head).filter((slot) => slot !== undefined);
    this.#head = 0;
    this.#lastGap = gap === undefined ? -1 : this.#slots.indexOf(gap);
    this.#gapRunEnd = this.#lastGap < 0 ? -1 : this.#lastGap + 1;
  }

  #count(message: KernelMessage, sign: 1 | -1): void {
    const size = sign * (message.sizeBytes + ENTRY_BYTES);
    this.#messages += sign;
    this.#bytes += size;
    if (!isDroppable(message)) this.#keptBytes += size;
  }
}

function isGap(slot: KernelMessage | Gap): slot is Gap {
  return 'messages' in slot;
}

function mergeGaps(first: Gap | undefined, second: Gap): Gap {
  if (first === undefined) return second;
  first.messages += second.messages;
  first.bytes += second.bytes;
  return first;
}

function isDroppable(message: KernelMessage): boolean {
  return message.channel === 'iopub' && message.header.msg_type !== 'status';
}
