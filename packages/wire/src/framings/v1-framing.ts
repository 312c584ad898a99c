import { Buffer } from 'node:buffer';
import type { ChannelName } from '@gateway-provisioners/core';
import { KernelMessage } from '../kernel-message.ts';
import type { FrameLayout } from '../kernel-message.ts';
import { gather, isWorthSplitting } from './gather.ts';
import { MAX_SEGMENTS, framingError, requireHeader, toChannel } from './framing-rules.ts';
import type { WebSocketFraming } from './websocket-framing.ts';

/** The WebSocket sub-protocol that selects {@link v1Framing}. */
export const V1_SUBPROTOCOL = 'v1.kernel.websocket.jupyter.org';

const OFFSET_BYTES = 8;
/** Channel, header, parent header, metadata, content. */
const FIXED_SEGMENTS = 5;
const MIN_OFFSETS = FIXED_SEGMENTS + 1;
const WORD = 2 ** 32;
const CHANNEL_BYTES: Readonly<Record<ChannelName, Buffer>> = {
  shell: Buffer.from('shell'),
  iopub: Buffer.from('iopub'),
  stdin: Buffer.from('stdin'),
  control: Buffer.from('control'),
};

/**
 * The framing of `v1.kernel.websocket.jupyter.org`: binary both ways. A little-endian uint64 count of offsets, the
 * offsets from the start of the frame as uint64, then channel, header, parent header, metadata, content and buffers;
 * the last offset is the length of the frame. JSON parts pass through byte for byte.
 */
export const v1Framing: WebSocketFraming = {
  name: 'v1',
  encode(message) {
    const { chunks } = message.frame('v1', encodeV1);
    return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
  },
  encodeFrame: (message) => message.frame('v1', encodeV1),
  decode(data) {
    if (typeof data === 'string') throw framingError('v1', 'messages are binary, this one is text');
    return decodeV1(data);
  },
};

function encodeV1(message: KernelMessage): FrameLayout {
  const channel = CHANNEL_BYTES[message.channel];
  const { header, parentHeader, metadata, content } = message.parts;
  const segments = [header, parentHeader, metadata, content, ...message.buffers];
  const isSplit = isWorthSplitting(segments);
  const offsetCount = segments.length + 2;
  let offset = OFFSET_BYTES * (1 + offsetCount);
  const bytes = Buffer.allocUnsafe(offset + channel.length + (isSplit ? 0 : message.sizeBytes));
  let cursor = writeOffset(bytes, offsetCount, 0);
  cursor = writeOffset(bytes, offset, cursor);
  bytes.set(channel, offset);
  offset += channel.length;
  const spans: number[] = [];
  for (const segment of segments) {
    cursor = writeOffset(bytes, offset, cursor);
    if (!isSplit) bytes.set(segment, offset);
    spans.push(offset, offset + segment.length);
    offset += segment.length;
  }
  writeOffset(bytes, offset, cursor);
  const frame = { sizeBytes: offset, isText: false };
  if (isSplit) return { ...frame, chunks: gather([bytes, ...segments]), spans: undefined };
  return { ...frame, chunks: [bytes], spans };
}

// Two 32-bit words instead of a BigInt: several times faster, and exact up to 2^53.
function writeOffset(bytes: Buffer, value: number, position: number): number {
  bytes.writeUInt32LE(value % WORD, position);
  return bytes.writeUInt32LE(Math.floor(value / WORD), position + 4);
}

function readOffset(bytes: Buffer, position: number): number {
  // Beyond 2^53 the sum is inexact, but then also far beyond the length of any buffer.
  return bytes.readUInt32LE(position) + bytes.readUInt32LE(position + 4) * WORD;
}

function decodeV1(data: Buffer): KernelMessage {
  const offsetCount = checkOffsets(data);
  const segment = (index: number): Buffer =>
    data.subarray(readOffset(data, OFFSET_BYTES * (1 + index)), readOffset(data, OFFSET_BYTES * (2 + index)));
  const buffers: Buffer[] = [];
  for (let index = FIXED_SEGMENTS; index < offsetCount - 1; index += 1) buffers.push(segment(index));
  const message = new KernelMessage({
    channel: toChannel('v1', segment(0).toString('latin1')),
    parts: { header: segment(1), parentHeader: segment(2), metadata: segment(3), content: segment(4) },
    buffers,
  });
  requireHeader('v1', message);
  return message;
}

/** Returns the number of offsets after checking that they divide the whole frame. */
function checkOffsets(data: Buffer): number {
  if (data.length < OFFSET_BYTES) throw framingError('v1', `the frame has ${data.length} bytes, fewer than its count`);
  const offsetCount = readOffset(data, 0);
  if (offsetCount < MIN_OFFSETS)
    throw framingError('v1', `there are ${offsetCount} offsets, fewer than ${MIN_OFFSETS}`);
  if (offsetCount > MAX_SEGMENTS) throw framingError('v1', `there are more than ${MAX_SEGMENTS} offsets`);
  const dataStart = OFFSET_BYTES * (1 + offsetCount);
  if (data.length < dataStart) throw framingError('v1', 'the frame ends within its offsets');
  let previous = readOffset(data, OFFSET_BYTES);
  if (previous !== dataStart) throw framingError('v1', `the first offset is not ${dataStart}, where the offsets end`);
  for (let index = 1; index < offsetCount; index += 1) {
    const offset = readOffset(data, OFFSET_BYTES * (1 + index));
    if (offset < previous) throw framingError('v1', `offset ${index} is smaller than the one before`);
    if (offset > data.length) throw framingError('v1', `offset ${index} is beyond the end of the frame`);
    previous = offset;
  }
  if (previous !== data.length) throw framingError('v1', 'the last offset is not the length of the frame');
  return offsetCount;
}
