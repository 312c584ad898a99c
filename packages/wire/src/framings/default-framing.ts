import { Buffer, isUtf8 } from 'node:buffer';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import { KernelMessage } from '../kernel-message.ts';
import type { FrameLayout } from '../kernel-message.ts';
import { gather, isWorthSplitting } from './gather.ts';
import { MAX_SEGMENTS, framingError, requireHeader, toChannel } from './framing-rules.ts';
import { scanJsonObject } from './json-scanner.ts';
import type { WebSocketFraming } from './websocket-framing.ts';

const OFFSET_BYTES = 4;
const MAX_FRAME_BYTES = 2 ** 32 - 1;
const WANTED = new Set(['header', 'parent_header', 'metadata', 'content', 'channel']);

/**
 * The framing of clients that ask for no sub-protocol: JSON as text, or, when there are buffers, binary: a big-endian
 * uint32 count of parts, the offset of each from the start of the frame as uint32, then the parts, of which the first
 * is the JSON. A message without `channel` is for shell; header fields may be missing or empty.
 *
 * The JSON around the four parts is written and read here; the parts themselves are spliced, never parsed.
 */
export const defaultFraming: WebSocketFraming = {
  name: 'default',
  encode(message) {
    const { chunks, isText } = message.frame('default', encodeDefault);
    const bytes = Buffer.concat(chunks);
    return isText ? bytes.toString() : bytes;
  },
  encodeFrame: (message) => message.frame('default', encodeDefault),
  decode(data) {
    return typeof data === 'string' ? decodeJson(Buffer.from(data), []) : decodeBinary(data);
  },
};

function encodeDefault(message: KernelMessage): FrameLayout {
  const pieces = jsonPieces(message);
  const { buffers } = message;
  // What is not UTF-8 has to be written anew.
  if (isWorthSplitting([...pieces, ...buffers]) && pieces.every((piece) => isUtf8(piece))) {
    return layOut(pieces, buffers, { isSplit: true });
  }
  const joined = Buffer.concat(pieces);
  const json = toUtf8(joined);
  const frame = layOut([json], buffers, { isSplit: false });
  return json === joined ? { ...frame, spans: spansOf(pieces, buffers) } : frame;
}

/** Where the four parts stand, behind every other piece, and then the buffers. */
function spansOf(pieces: readonly Buffer[], buffers: readonly Buffer[]): number[] {
  let offset = buffers.length === 0 ? 0 : OFFSET_BYTES * (2 + buffers.length);
  const spans: number[] = [];
  pieces.forEach((piece, index) => {
    if (index % 2 === 1) spans.push(offset, offset + piece.length);
    offset += piece.length;
  });
  for (const buffer of buffers) {
    spans.push(offset, offset + buffer.length);
    offset += buffer.length;
  }
  return spans;
}

function layOut(
  json: readonly Buffer[],
  buffers: readonly Buffer[],
  { isSplit }: { readonly isSplit: boolean },
): FrameLayout {
  const parts = buffers.length === 0 ? json : [offsetsOf(json, buffers), ...json, ...buffers];
  const sizeBytes = sizeOf(parts);
  if (buffers.length > 0 && sizeBytes > MAX_FRAME_BYTES) {
    throw new ProvisionerError('MESSAGE_TOO_LARGE', `the default framing ends at ${MAX_FRAME_BYTES} bytes`);
  }
  const [only = EMPTY_OBJECT, ...others] = parts;
  const chunks = isSplit ? gather(parts) : [others.length === 0 ? only : Buffer.concat(parts)];
  return { chunks, sizeBytes, isText: buffers.length === 0, spans: undefined };
}

function offsetsOf(json: readonly Buffer[], buffers: readonly Buffer[]): Buffer {
  const count = 1 + buffers.length;
  const table = Buffer.allocUnsafe(OFFSET_BYTES * (1 + count));
  let cursor = table.writeUInt32BE(count, 0);
  let offset = table.length;
  for (const size of [sizeOf(json), ...buffers.map(({ length }) => length)]) {
    // A frame whose offsets do not fit is refused when its size is known.
    cursor = table.writeUInt32BE(offset % 2 ** 32, cursor);
    offset += size;
  }
  return table;
}

function sizeOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function jsonPieces(message: KernelMessage): Buffer[] {
  const { parts, header } = message;
  // The fields that the framing repeats beside the header; clients read either.
  const copied = `,"msg_id":${JSON.stringify(header.msg_id)},"msg_type":${JSON.stringify(header.msg_type)},`;
  const buffers = message.buffers.length === 0 ? ',"buffers":[]' : '';
  return [
    HEADER_KEY,
    objectOrEmpty(parts.header),
    Buffer.from(`${copied}"parent_header":`),
    objectOrEmpty(parts.parentHeader),
    METADATA_KEY,
    objectOrEmpty(parts.metadata),
    CONTENT_KEY,
    objectOrEmpty(parts.content),
    Buffer.from(`${buffers},"channel":"${message.channel}"}`),
  ];
}

const HEADER_KEY = Buffer.from('{"header":');
const METADATA_KEY = Buffer.from(',"metadata":');
const CONTENT_KEY = Buffer.from(',"content":');
const EMPTY_OBJECT = Buffer.from('{}');

// An empty part is no JSON and would spoil the whole text.
function objectOrEmpty(part: Buffer): Buffer {
  return part.length === 0 ? EMPTY_OBJECT : part;
}

// A browser closes the connection on a text message that is not UTF-8; replacement characters cost less.
function toUtf8(bytes: Buffer): Buffer {
  return isUtf8(bytes) ? bytes : Buffer.from(bytes.toString());
}

function decodeBinary(data: Buffer): KernelMessage {
  if (data.length < OFFSET_BYTES) throw fail(`the frame has ${data.length} bytes, fewer than its count`);
  const count = data.readUInt32BE(0);
  if (count === 0) throw fail('the frame has no parts');
  if (count > MAX_SEGMENTS) throw fail(`there are more than ${MAX_SEGMENTS} parts`);
  const dataStart = OFFSET_BYTES * (1 + count);
  if (data.length < dataStart) throw fail('the frame ends within its offsets');
  const parts: Buffer[] = [];
  let start = data.readUInt32BE(OFFSET_BYTES);
  // Later is allowed: a client may align its parts.
  if (start < dataStart) throw fail(`the first offset is before ${dataStart}, where the offsets end`);
  if (start > data.length) throw fail('offset 0 is beyond the end of the frame');
  for (let index = 1; index < count; index += 1) {
    const end = data.readUInt32BE(OFFSET_BYTES * (1 + index));
    if (end < start) throw fail(`offset ${index} is smaller than the one before`);
    if (end > data.length) throw fail(`offset ${index} is beyond the end of the frame`);
    parts.push(data.subarray(start, end));
    start = end;
  }
  parts.push(data.subarray(start));
  const [json = EMPTY_OBJECT, ...buffers] = parts;
  return decodeJson(json, buffers);
}

function decodeJson(json: Buffer, buffers: readonly Buffer[]): KernelMessage {
  if (!isUtf8(json)) throw fail('the JSON is not UTF-8');
  const members = scan(json);
  const header = objectMember(members, 'header');
  if (header === undefined) throw fail('there is no header');
  const message = new KernelMessage({
    channel: readChannel(members.get('channel')),
    parts: {
      header,
      parentHeader: objectMember(members, 'parent_header') ?? EMPTY_OBJECT,
      metadata: objectMember(members, 'metadata') ?? EMPTY_OBJECT,
      content: objectMember(members, 'content') ?? EMPTY_OBJECT,
    },
    buffers,
  });
  requireHeader('default', message);
  return message;
}

function scan(json: Buffer): ReadonlyMap<string, Buffer> {
  try {
    return scanJsonObject(json, WANTED);
  } catch (error) {
    throw framingError('default', errorMessage(error), error);
  }
}

/** An object's text as it stands; undefined when missing or null. */
function objectMember(members: ReadonlyMap<string, Buffer>, key: string): Buffer | undefined {
  const text = members.get(key);
  if (text === undefined || text[0] === 0x7b) return text;
  if (text.toString('latin1') === 'null') return undefined;
  throw fail(`"${key}" is not an object`);
}

function readChannel(text: Buffer | undefined): KernelMessage['channel'] {
  const value: unknown = text === undefined ? null : JSON.parse(text.toString());
  if (value === null) return 'shell';
  if (typeof value !== 'string') throw fail('"channel" is not a string');
  return toChannel('default', value);
}

function fail(rule: string): ProvisionerError {
  return framingError('default', rule);
}
