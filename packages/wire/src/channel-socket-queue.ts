import { ProvisionerError } from '@gateway-provisioners/core';
import type { ChannelName } from '@gateway-provisioners/core';
import type { Frames } from './channel-socket.ts';

const COMPACT_ABOVE = 1024;

/** What waits to be sent on one channel, bounded in bytes; used by both engines. */
export class SendQueue {
  readonly #channel: ChannelName;
  readonly #maxBytes: number;
  #messages: Frames[] = [];
  #head = 0;
  #waitingBytes = 0;
  #inFlightBytes = 0;
  #inFlightMessages = 0;

  constructor(channel: ChannelName, maxBytes: number) {
    this.#channel = channel;
    this.#maxBytes = maxBytes;
  }

  /** Bytes that were pushed and not yet delivered, those in flight included. */
  get bytes(): number {
    return this.#waitingBytes + this.#inFlightBytes;
  }

  /** True when nothing waits; something may still be in flight. */
  get isEmpty(): boolean {
    return this.#head === this.#messages.length;
  }

  /** True when nothing waits and nothing is in flight. */
  get isSettled(): boolean {
    return this.isEmpty && !this.isInFlight;
  }

  get isInFlight(): boolean {
    return this.#inFlightMessages > 0;
  }

  /** Errors: `INVALID_ARGUMENT` for a message without frames, `INVALID_STATE` on iopub, `LIMIT_EXCEEDED`. */
  push(frames: Frames): void {
    if (this.#channel === 'iopub') throw new ProvisionerError('INVALID_STATE', 'iopub is only received from');
    if (frames.length === 0) throw new ProvisionerError('INVALID_ARGUMENT', 'a message has at least one frame');
    const size = sizeOf(frames);
    if (this.bytes + size > this.#maxBytes) {
      throw new ProvisionerError(
        'LIMIT_EXCEEDED',
        `too much waits to be sent to the kernel: ${this.bytes} + ${size} bytes exceed maxQueuedBytes ${this.#maxBytes}`,
        { coordinates: { channel: this.#channel } },
      );
    }
    this.#messages.push(frames);
    this.#waitingBytes += size;
  }

  /** Takes messages of up to `maxBytes` together, at least one if there is one. They are in flight until settled. */
  take(maxBytes: number): Frames[] {
    const batch: Frames[] = [];
    let bytes = 0;
    for (let frames = this.#messages[this.#head]; frames !== undefined; frames = this.#messages[this.#head]) {
      const size = sizeOf(frames);
      if (batch.length > 0 && bytes + size > maxBytes) break;
      this.#head += 1;
      bytes += size;
      batch.push(frames);
    }
    this.#compact();
    this.#waitingBytes -= bytes;
    this.#inFlightBytes += bytes;
    this.#inFlightMessages += batch.length;
    return batch;
  }

  /** What was in flight is gone, delivered or not; returns how many messages that were. */
  settle(): number {
    const messages = this.#inFlightMessages;
    this.#inFlightMessages = 0;
    this.#inFlightBytes = 0;
    return messages;
  }

  clear(): void {
    this.#messages = [];
    this.#head = 0;
    this.#waitingBytes = 0;
    this.settle();
  }

  #compact(): void {
    if (this.isEmpty) this.#messages.length = 0;
    else if (this.#head > COMPACT_ABOVE && this.#head * 2 > this.#messages.length) this.#messages.splice(0, this.#head);
    else return;
    this.#head = 0;
  }
}

function sizeOf(frames: Frames): number {
  let size = 0;
  for (const frame of frames) size += frame.length;
  return size;
}
