import { Buffer } from 'node:buffer';
import { v1Framing } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { ByteQueue } from './byte-queue.ts';

/** What a packed message costs beside its frame: its size, its place in the outbox (which doubles when it grows). */
export const PACKED_ENTRY_BYTES = 64;

/** Of a frame; messages with more buffers than fit do not come in floods. */
const MAX_OFFSETS = 1_024;
const SIZE_BYTES = 4;

/**
 * Messages in order, each as one run of bytes: no objects, and nothing that keeps alive the large chunk in which the
 * message was read from the socket. As objects, messages that wait for long and are dropped then would be what the
 * garbage collector is slowest to find.
 */
export class PackedMessages {
  readonly #bytes = new ByteQueue();
  readonly #size = Buffer.alloc(SIZE_BYTES);

  /** How long the message is when packed; undefined when it cannot be. */
  lengthOf(message: KernelMessage): number | undefined {
    // Most clients use this framing, so that the frame is there already or will be wanted.
    const { chunks, sizeBytes } = v1Framing.encodeFrame(message);
    return (chunks[0]?.readUInt32LE() ?? 0) <= MAX_OFFSETS ? sizeBytes : undefined;
  }

  push(message: KernelMessage): void {
    this.#size.writeUInt32LE(message.sizeBytes);
    this.#bytes.push(this.#size);
    for (const chunk of v1Framing.encodeFrame(message).chunks) this.#bytes.push(chunk);
  }

  /** Removes the first, which is so long. */
  take(length: number): KernelMessage {
    this.#bytes.skip(SIZE_BYTES);
    return v1Framing.decode(this.#bytes.take(Buffer.allocUnsafe(length)));
  }

  /** Removes the first, which is so long, unseen; returns its `sizeBytes`. */
  skip(length: number): number {
    const sizeBytes = this.#bytes.take(this.#size).readUInt32LE();
    this.#bytes.skip(length);
    return sizeBytes;
  }

  /** Gives up memory that is not in use. */
  trim(): void {
    this.#bytes.trim();
  }

  clear(): void {
    this.#bytes.clear();
  }
}
