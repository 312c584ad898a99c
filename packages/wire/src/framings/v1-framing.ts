import { Buffer } from 'node:buffer';
import { channelNames } from '@gateway-provisioners/core';
import { KernelMessage } from '../kernel-message.ts';
import type { FrameLayout } from '../kernel-message.ts';
import { MAX_SEGMENTS, framingError, requireHeader, toChannel } from './framing-rules.ts';
import type { WebSocketFraming } from './websocket-framing.ts';

/** The WebSocket sub-protocol that selects {@link v1Framing}. */
export const V1_SUBPROTOCOL = 'v1.kernel.websocket.jupyter.org';

const OFFSET_BYTES = 8;
/** Channel, header, parent header, metadata, content. */
const FIXED_SEGMENTS = 5;
const MIN_OFFSETS = FIXED_SEGMENTS + 1;
const WORD = 2 ** 32;
const CHANNEL_BYTES = new Map(channelNames.map((name) => [name, Buffer.from(name)]));

/**
 * The framing of `v1.kernel.websocket.jupyter.org`: binary both ways. A little-endian uint64 count of offsets, the
 * offsets from the start of the frame as uint64, then channel, header, parent header, metadata, content and buffers;
 * the last offset is the length of the frame. JSON parts pass through byte for byte.
 */
export const v1Framing: WebSocketFraming = {
  name: 'v1',
  encode: (message) => message.frame('v1', encodeV1).bytes,
  encodeFrame: (message) => message.frame('v1', encodeV1),
  decode(data) {
    if (typeof data === 'string') throw framingError('v1', 'messages are binary, this one is text');
    return decodeV1(data);
  },
};

function encodeV1(message: KernelMessage): FrameLayout {
  const channel = CHANNEL_BYTES.get(message.channel) ?? Buffer.from(message.channel);
  const { header, parentHeader, metadata, content } = message.parts;
  const segments = [header, parentHeader, metadata, content, ...message.buffers];
  const offsetCount = segments.length + 2;
  let offset = OFFSET_BYTES * (1 + offsetCount);
  const bytes = Buffer.allocUnsafe(offset + channel.length + message.sizeBytes);
  let cursor = writeOffset(bytes, offsetCount, 0);
  cursor = writeOffset(bytes, offset, cursor);
  bytes.set(channel, offset);
  offset += channel.length;
  const spans: number[] = [];
  for (const segment of segments) {
    cursor = writeOffset(bytes, offset, cursor);
    bytes.set(segment, offset);
    spans.push(offset, offset + segment.length);
    offset += segment.length;
  }
  writeOffset(bytes, offset, cursor);
  return { bytes, isText: false, spans };
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
  if (data.length < OFFSET_BYTES) throw framingError('v1', `the frame has ${data.length} bytes, fewer than its count`);
  const offsetCount = readOffset(data, 0);
  if (offsetCount < MIN_OFFSETS)
    throw framingError('v1', `there are ${offsetCount} offsets, fewer than ${MIN_OFFSETS}`);
  if (offsetCount > MAX_SEGMENTS) throw framingError('v1', `there are more than ${MAX_SEGMENTS} offsets`);
  const dataStart = OFFSET_BYTES * (1 + offsetCount);
  if (data.length < dataStart) throw framingError('v1', 'the frame ends within its offsets');
  const segments: Buffer[] = [];
  let start = readOffset(data, OFFSET_BYTES);
  if (start !== dataStart) throw framingError('v1', `the first offset is not ${dataStart}, where the offsets end`);
  for (let index = 1; index < offsetCount; index += 1) {
    const end = readOffset(data, OFFSET_BYTES * (1 + index));
    if (end < start) throw framingError('v1', `offset ${index} is smaller than the one before`);
    if (end > data.length) throw framingError('v1', `offset ${index} is beyond the end of the frame`);
    segments.push(data.subarray(start, end));
    start = end;
  }
  if (start !== data.length) throw framingError('v1', 'the last offset is not the length of the frame');
  const [channel, header, parentHeader, metadata, content, ...buffers] = segments;
  if (!channel || !header || !parentHeader || !metadata || !content) throw framingError('v1', 'a part is missing');
  const message = new KernelMessage({
    channel: toChannel('v1', channel.toString('latin1')),
    parts: { header, parentHeader, metadata, content },
    buffers,
  });
  requireHeader('v1', message);
  return message;
}
