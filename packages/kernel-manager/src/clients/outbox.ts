import { Buffer } from 'node:buffer';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { droppedMarker } from '../messages/own-messages.ts';
import { PACKED_ENTRY_BYTES, PackedMessages } from './packed-messages.ts';

export interface OutboxBounds {
  /** Of what waits, in bytes, what it costs beside its own bytes included. */
  readonly maxBytes: number;
  readonly maxMessages: number;
  /**
   * While more than this waits, output that is added is copied into memory of the outbox, so that what it costs is what
   * the bound says. Default: never; messages are then shared with other outboxes.
   */
  readonly packAboveBytes?: number | undefined;
}

/** A run of dropped messages; becomes one marker. */
interface Gap {
  messages: number;
  bytes: number;
  readonly parentHeader: Buffer;
  readonly session: string;
}

/** A number is the length of the next packed message. */
type Slot = KernelMessage | number | Gap | undefined;

/** What a message that is not packed costs beside its own bytes: objects, views, the parsed headers. */
export const ENTRY_BYTES = 1_024;

const COMPACT_AT = 1_024;

/**
 * Messages that wait for one client, in order and bounded. When the bound is hit, the oldest output goes (iopub, but
 * for `status`) and a marker takes its place; replies, statuses and input requests stay.
 */
export class Outbox {
  #bounds: OutboxBounds;
  #slots: Slot[] = [];
  readonly #packed = new PackedMessages();
  /** What the markers stand for that were handed out. */
  readonly #markers = new WeakMap<KernelMessage, Gap>();
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
    const packed = this.#pack(message);
    this.#slots.push(packed ?? message);
    this.#count(packed ?? message, 1);
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
      const message = isGap(slot) ? this.#mark(slot) : this.#unpack(slot);
      if (!isGap(slot)) this.#count(slot, -1);
      bytes += message.sizeBytes;
      taken.push(message);
    }
    if (this.#head > this.#slots.length / 2) this.#compact();
    this.#packed.trim();
    return taken;
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
    this.#packed.clear();
    this.#head = 0;
    this.#dropFrom = 0;
    this.#lastGap = -1;
    this.#gapRunEnd = -1;
    this.#messages = 0;
    this.#bytes = 0;
    this.#keptBytes = 0;
  }

  /** Copies output to where it waits and returns its length; undefined for what waits as it is. */
  #pack(message: KernelMessage): number | undefined {
    const { packAboveBytes = Infinity, maxBytes } = this.#bounds;
    if (this.#bytes <= packAboveBytes || message.sizeBytes > maxBytes || !isDroppable(message)) return undefined;
    const length = this.#packed.lengthOf(message);
    if (length === undefined) return undefined;
    // Room first: the memory of what is dropped is used again.
    this.#shrink(length + PACKED_ENTRY_BYTES);
    this.#packed.push(message);
    return length;
  }

  #mark(gap: Gap): KernelMessage {
    const marker = droppedMarker(gap);
    this.#markers.set(marker, gap);
    return marker;
  }

  #unpack(slot: KernelMessage | number): KernelMessage {
    return typeof slot === 'number' ? this.#packed.take(slot) : slot;
  }

  #isOver(reservedBytes = 0): boolean {
    return this.#bytes + reservedBytes > this.#bounds.maxBytes || this.#messages > this.#bounds.maxMessages;
  }

  #shrink(reservedBytes = 0): void {
    if (!this.#isOver(reservedBytes)) return;
    this.#dropFrom = Math.max(this.#dropFrom, this.#head);
    while (this.#isOver(reservedBytes) && this.#dropFrom < this.#slots.length) {
      const slot = this.#slots[this.#dropFrom];
      if (slot !== undefined && !isGap(slot) && isDroppable(slot)) this.#dropAt(this.#dropFrom, slot);
      this.#dropFrom += 1;
    }
    // Emptied slots in the middle must not pile up behind a client that never reads.
    if (this.#slots.length - this.#head > 2 * (this.#messages + COMPACT_AT)) this.#compact();
  }

  #dropAt(at: number, message: KernelMessage | number): void {
    const beforeAt = at === this.#gapRunEnd ? this.#lastGap : at - 1;
    const before = this.#slots[beforeAt];
    if (before !== undefined && isGap(before)) {
      this.#drop(message, before);
      this.#slots[at] = undefined;
      this.#lastGap = beforeAt;
    } else {
      this.#slots[at] = this.#drop(message, undefined);
      this.#lastGap = at;
    }
    this.#gapRunEnd = at + 1;
  }

  /** Adds a message to a gap, or makes one of it. */
  #drop(slot: KernelMessage | number, gap: Gap | undefined): Gap {
    this.#count(slot, -1);
    const marked = typeof slot === 'number' ? undefined : this.#markers.get(slot);
    // A marker that was given back: what it stands for has been counted.
    if (marked !== undefined) return mergeGaps(gap, { ...marked });
    this.#droppedMessages += 1;
    if (gap === undefined) {
      const begun = gapOf(this.#unpack(slot));
      this.#droppedBytes += begun.bytes;
      return begun;
    }
    const bytes = typeof slot === 'number' ? this.#packed.skip(slot) : slot.sizeBytes;
    this.#droppedBytes += bytes;
    gap.messages += 1;
    gap.bytes += bytes;
    return gap;
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

  #count(slot: KernelMessage | number, sign: 1 | -1): void {
    this.#messages += sign;
    if (typeof slot === 'number') {
      this.#bytes += sign * (slot + PACKED_ENTRY_BYTES);
      return;
    }
    const size = sign * (slot.sizeBytes + ENTRY_BYTES);
    this.#bytes += size;
    if (!isDroppable(slot)) this.#keptBytes += size;
  }
}

function isGap(slot: KernelMessage | number | Gap): slot is Gap {
  return typeof slot === 'object' && 'messages' in slot;
}

function gapOf(message: KernelMessage): Gap {
  const { header, parts, sizeBytes } = message;
  // A copy: a view would keep the whole chunk that was read from the socket.
  return { messages: 1, bytes: sizeBytes, parentHeader: Buffer.from(parts.parentHeader), session: header.session };
}

function mergeGaps(first: Gap | undefined, second: Gap): Gap {
  if (first === undefined) return second;
  first.messages += second.messages;
  first.bytes += second.bytes;
  return first;
}

/** What is packed is. */
function isDroppable(message: KernelMessage | number): boolean {
  if (typeof message === 'number') return true;
  return message.channel === 'iopub' && message.header.msg_type !== 'status';
}
