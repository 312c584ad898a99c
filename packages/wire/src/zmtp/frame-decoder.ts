import { ProvisionerError } from '@gateway-provisioners/core';
import type { Frames } from '../channel-socket.ts';
import { COMMAND, LONG, MAX_COMMAND_BYTES, MORE } from './frame-flags.ts';

/** Frames of one message: far above what any kernel sends, far below what would hurt. */
const MAX_FRAMES = 65_536;
const LONG_HEADER_BYTES = 9;
const SHORT_HEADER_BYTES = 2;
const NO_BYTES = Buffer.alloc(0);

export interface FrameDecoderOptions {
  /** Bound of one message, sum of its frames. */
  readonly maxMessageBytes: number;
  /** Told each command's body; `midMessage` when it stands between two frames of a message. May throw. */
  readonly onCommand: (body: Buffer, midMessage: boolean) => void;
}

/**
 * Cuts a ZMTP 3.x byte stream (after the greeting) into messages and commands, whatever the chunks look like
 * (ZeroMQ RFC 23 and 37, "Framing"). Frames that lie inside one chunk are views of it; only frames that span chunks are
 * copied, once, into a buffer of their final size.
 *
 * Errors: `PROTOCOL_ERROR` for a broken rule, `MESSAGE_TOO_LARGE` before anything is allocated for what is too large.
 * After an error the decoder is of no further use.
 */
export class FrameDecoder {
  /** False during the handshake, when only commands are allowed. */
  acceptMessages = false;
  readonly #maxMessageBytes: number;
  readonly #onCommand: (body: Buffer, midMessage: boolean) => void;
  readonly #header = Buffer.alloc(LONG_HEADER_BYTES);
  #headerBytes = 0;
  #frames: Buffer[] = [];
  #messageBytes = 0;
  #target: Buffer | undefined;
  #filled = 0;
  #flags = 0;
  #receivedBytes = 0;

  constructor(options: FrameDecoderOptions) {
    this.#maxMessageBytes = options.maxMessageBytes;
    this.#onCommand = options.onCommand;
  }

  /** Bytes of message frames seen so far, headers excluded. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Appends the messages that `chunk` completes to `out`; what was complete before an error stands there as well. */
  decode(chunk: Buffer, out: Frames[]): void {
    const end = chunk.length;
    let at = this.#continue(chunk, out);
    while (at < end) {
      const flags = chunk.readUInt8(at);
      this.#checkFlags(flags);
      const long = (flags & LONG) !== 0;
      const bodyAt = at + (long ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
      if (bodyAt > end) {
        chunk.copy(this.#header, 0, at, end);
        this.#headerBytes = end - at;
        return;
      }
      const size = long ? longLength(chunk, at + 1) : chunk.readUInt8(at + 1);
      at = this.#body(chunk, bodyAt, { flags, size, out });
    }
  }

  /** Finishes what the chunks before had begun: a header, then a body. */
  #continue(chunk: Buffer, out: Frames[]): number {
    let at = 0;
    if (this.#headerBytes > 0) {
      const flags = this.#header.readUInt8(0);
      const needed = (flags & LONG) === 0 ? SHORT_HEADER_BYTES : LONG_HEADER_BYTES;
      at = Math.min(needed - this.#headerBytes, chunk.length);
      chunk.copy(this.#header, this.#headerBytes, 0, at);
      this.#headerBytes += at;
      if (this.#headerBytes < needed) return at;
      this.#headerBytes = 0;
      const size = needed === LONG_HEADER_BYTES ? longLength(this.#header, 1) : this.#header.readUInt8(1);
      return this.#body(chunk, at, { flags, size, out });
    }
    const target = this.#target;
    if (target === undefined) return 0;
    at = Math.min(target.length - this.#filled, chunk.length);
    chunk.copy(target, this.#filled, 0, at);
    this.#filled += at;
    this.#count(this.#flags, at);
    if (this.#filled === target.length) {
      this.#target = undefined;
      this.#finish(this.#flags, target, out);
    }
    return at;
  }

  /** Takes a frame's body from `chunk`, or as much as is there; returns where the next frame begins. */
  #body(chunk: Buffer, at: number, frame: { flags: number; size: number; out: Frames[] }): number {
    const { flags, size } = frame;
    this.#checkSize(flags, size);
    const bodyEnd = at + size;
    if (bodyEnd <= chunk.length) {
      this.#count(flags, size);
      this.#finish(flags, size === 0 ? NO_BYTES : chunk.subarray(at, bodyEnd), frame.out);
      return bodyEnd;
    }
    const target = Buffer.allocUnsafe(size);
    this.#filled = chunk.copy(target, 0, at);
    this.#count(flags, this.#filled);
    this.#target = target;
    this.#flags = flags;
    return chunk.length;
  }

  #finish(flags: number, body: Buffer, out: Frames[]): void {
    if ((flags & COMMAND) !== 0) {
      this.#onCommand(body, this.#frames.length > 0);
      return;
    }
    this.#frames.push(body);
    if ((flags & MORE) !== 0) return;
    out.push(this.#frames);
    this.#frames = [];
    this.#messageBytes = 0;
  }

  #count(flags: number, bytes: number): void {
    if ((flags & COMMAND) === 0) this.#receivedBytes += bytes;
  }

  #checkFlags(flags: number): void {
    if ((flags & ~(MORE | LONG | COMMAND)) !== 0) {
      throw new ProvisionerError('PROTOCOL_ERROR', `ZMTP: reserved frame flags are set (0x${flags.toString(16)})`);
    }
    if ((flags & COMMAND) !== 0 && (flags & MORE) !== 0) {
      throw new ProvisionerError('PROTOCOL_ERROR', 'ZMTP: a command frame announces more frames');
    }
    if ((flags & COMMAND) === 0 && !this.acceptMessages) {
      throw new ProvisionerError('PROTOCOL_ERROR', 'ZMTP: a message came before the handshake was complete');
    }
  }

  #checkSize(flags: number, size: number): void {
    if ((flags & COMMAND) !== 0) {
      if (size > MAX_COMMAND_BYTES) {
        throw new ProvisionerError('PROTOCOL_ERROR', `ZMTP: a command of ${size} bytes (at most ${MAX_COMMAND_BYTES})`);
      }
      return;
    }
    this.#messageBytes += size;
    if (this.#messageBytes > this.#maxMessageBytes) {
      throw new ProvisionerError(
        'MESSAGE_TOO_LARGE',
        `the peer sent a message of more than ${this.#maxMessageBytes} bytes (maxMessageBytes)`,
      );
    }
    if (this.#frames.length >= MAX_FRAMES) {
      throw new ProvisionerError('PROTOCOL_ERROR', `ZMTP: a message of more than ${MAX_FRAMES} frames`);
    }
  }
}

/** A 63-bit length. What does not fit a double exactly is far above every limit. */
function longLength(bytes: Buffer, at: number): number {
  const high = bytes.readUInt32BE(at);
  if (high > 0x7fff_ffff) {
    throw new ProvisionerError('PROTOCOL_ERROR', 'ZMTP: the highest bit of a frame length is set');
  }
  return high * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}
