import type { Frames } from '../channel-socket.ts';
import { COMMAND, LONG, MAX_SHORT_BYTES, MORE } from './frame-flags.ts';

/** Copying this much costs less than one more element of a vectored write. */
const COPY_BELOW_BYTES = 8192;

/**
 * Messages as ZMTP 3.x bytes: headers and small frames gathered in one buffer, large frames by reference between its
 * parts. The result is meant for one vectored write.
 */
export function encodeMessages(batch: readonly Frames[]): Buffer[] {
  const slab = Buffer.allocUnsafe(slabBytes(batch));
  const chunks: Buffer[] = [];
  let from = 0;
  let at = 0;
  for (const frames of batch) {
    let following = frames.length;
    for (const frame of frames) {
      following -= 1;
      at = writeHeader(slab, at, { flags: following > 0 ? MORE : 0, size: frame.length });
      if (frame.length <= COPY_BELOW_BYTES) {
        at += frame.copy(slab, at);
      } else {
        chunks.push(slab.subarray(from, at), frame);
        from = at;
      }
    }
  }
  if (at > from) chunks.push(slab.subarray(from, at));
  return chunks;
}

/** A command frame. */
export function encodeCommandFrame(body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes(body.length) + body.length);
  body.copy(frame, writeHeader(frame, 0, { flags: COMMAND, size: body.length }));
  return frame;
}

function slabBytes(batch: readonly Frames[]): number {
  let total = 0;
  for (const frames of batch) {
    for (const frame of frames) {
      total += headerBytes(frame.length) + (frame.length <= COPY_BELOW_BYTES ? frame.length : 0);
    }
  }
  return total;
}

function headerBytes(size: number): number {
  return size <= MAX_SHORT_BYTES ? 2 : 9;
}

function writeHeader(target: Buffer, at: number, frame: { readonly flags: number; readonly size: number }): number {
  if (frame.size <= MAX_SHORT_BYTES) {
    target[at] = frame.flags;
    target[at + 1] = frame.size;
    return at + 2;
  }
  target[at] = frame.flags | LONG;
  target.writeUInt32BE(Math.floor(frame.size / 0x1_0000_0000), at + 1);
  return target.writeUInt32BE(frame.size % 0x1_0000_0000, at + 5);
}
