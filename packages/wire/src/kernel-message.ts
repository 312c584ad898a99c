import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { ChannelName, JsonObject } from '@gateway-provisioners/core';

/** The header of a Jupyter message. A field that the sender left out reads as the empty string. */
export interface MessageHeader {
  readonly msg_id: string;
  readonly msg_type: string;
  readonly session: string;
  readonly username: string;
  /** ISO 8601 as our own messages have it; whatever the sender wrote otherwise. */
  readonly date: string;
  readonly version: string;
}

/** The header of the request that a message answers; empty for messages that answer nothing. */
export interface ParentHeader {
  readonly msg_id?: string;
  readonly msg_type?: string;
  readonly session?: string;
}

/** The four JSON parts of a message as they were sent, UTF-8, not parsed. */
export interface MessageParts {
  readonly header: Buffer;
  readonly parentHeader: Buffer;
  readonly metadata: Buffer;
  readonly content: Buffer;
}

export interface KernelMessageInit {
  readonly channel: ChannelName;
  readonly parts: MessageParts;
  readonly buffers?: readonly Buffer[] | undefined;
}

/** What a framing made of a message: one WebSocket message, text or binary. */
export interface EncodedFrame {
  /**
   * The WebSocket message in order, to be sent as so many fragments of it (RFC 6455 §5.4). One, but for large parts,
   * which stand as they were received. UTF-8 when {@link EncodedFrame.isText}.
   */
  readonly chunks: readonly Buffer[];
  /** Of all chunks together. */
  readonly sizeBytes: number;
  readonly isText: boolean;
}

/** An encoded frame, and where in its only chunk the header, parent header, metadata, content and buffers are. */
export interface FrameLayout extends EncodedFrame {
  /** Pairs of begin and end; undefined when the frame does not hold them unchanged, or shares them with the message. */
  readonly spans: readonly number[] | undefined;
}

/**
 * A Jupyter message (protocol 5.x) on one channel. Immutable. Its JSON parts stay the bytes that were sent: numbers
 * beyond 2^53, the order of keys and escapes reach the other side unchanged.
 */
export class KernelMessage {
  readonly channel: ChannelName;
  /** Parts and buffers together, in bytes. */
  readonly sizeBytes: number;
  #header: MessageHeader | undefined;
  #parentHeader: ParentHeader | undefined;
  /** Undefined once a frame holds the same bytes. */
  #parts: MessageParts | undefined;
  #buffers: readonly Buffer[] | undefined;
  #frame: FrameLayout | undefined;
  readonly #frames: { v1?: EncodedFrame; default?: EncodedFrame } = {};

  constructor(init: KernelMessageInit) {
    const { header, parentHeader, metadata, content } = init.parts;
    this.channel = init.channel;
    this.#parts = init.parts;
    this.#buffers = init.buffers ?? noBuffers;
    let sizeBytes = header.length + parentHeader.length + metadata.length + content.length;
    for (const buffer of this.#buffers) sizeBytes += buffer.length;
    this.sizeBytes = sizeBytes;
  }

  get parts(): MessageParts {
    this.#parts ??= this.#restore().parts;
    return this.#parts;
  }

  get buffers(): readonly Buffer[] {
    this.#buffers ??= this.#restore().buffers;
    return this.#buffers;
  }

  /** Parsed on first use and kept. Never throws: a header that is not a JSON object reads as all empty. */
  get header(): MessageHeader {
    this.#header ??= readHeader(this.parts.header);
    return this.#header;
  }

  /** Whether the header is a JSON object; what we hand out from a kernel or a client always has one. */
  get hasHeader(): boolean {
    return this.header !== unreadableHeader;
  }

  /** Parsed on first use and kept. Never throws: what is not a JSON object reads as no parent. */
  get parentHeader(): ParentHeader {
    this.#parentHeader ??= readParentHeader(this.parts.parentHeader);
    return this.#parentHeader;
  }

  /** Parses the content now, each time. Throws `PROTOCOL_ERROR` when it is not a JSON object. */
  parseContent(): Readonly<Record<string, unknown>> {
    return parseObject(this.parts.content, 'content');
  }

  /** Parses the metadata now, each time. Throws `PROTOCOL_ERROR` when it is not a JSON object. */
  parseMetadata(): Readonly<Record<string, unknown>> {
    return parseObject(this.parts.metadata, 'metadata');
  }

  /**
   * The message in a framing, made once however many clients take it. For framings only.
   *
   * The first frame replaces the parts that it was made from, which are from then on views of it: messages wait in
   * queues and journals, and would cost twice their size there.
   */
  frame(framing: 'v1' | 'default', make: (message: KernelMessage) => FrameLayout): EncodedFrame {
    const known = this.#frames[framing];
    if (known !== undefined) return known;
    const made = make(this);
    this.#frames[framing] = made;
    if (made.spans !== undefined) {
      this.#frame = made;
      this.#parts = undefined;
      this.#buffers = undefined;
    }
    return made;
  }

  #restore(): { readonly parts: MessageParts; readonly buffers: readonly Buffer[] } {
    const { chunks: [bytes = EMPTY_OBJECT] = [], spans = [] } = this.#frame ?? {};
    const segments: Buffer[] = [];
    for (let index = 0; index < spans.length; index += 2) segments.push(bytes.subarray(spans[index], spans[index + 1]));
    const [header, parentHeader, metadata, content, ...buffers] = segments;
    if (!header || !parentHeader || !metadata || !content) {
      throw new ProvisionerError('INTERNAL', 'a framing lost parts of a message');
    }
    return { parts: { header, parentHeader, metadata, content }, buffers };
  }
}

export interface CreateMessageOptions {
  readonly channel: ChannelName;
  readonly msgType: string;
  readonly content?: JsonObject | undefined;
  /** The sender's session id: replies are routed by it when the message id is not known. */
  readonly session: string;
  readonly username?: string | undefined;
  /** The message that this one answers. */
  readonly parent?: KernelMessage | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly buffers?: readonly Buffer[] | undefined;
  /** Default: a new UUID. */
  readonly msgId?: string | undefined;
}

/** The version of the messaging protocol that our own messages name: the one jupyter_client 8 names. */
export const PROTOCOL_VERSION = '5.4';

/** Makes a message of our own, dated now. */
export function createMessage(options: CreateMessageOptions): KernelMessage {
  const header: MessageHeader = {
    msg_id: options.msgId ?? randomUUID(),
    msg_type: options.msgType,
    session: options.session,
    username: options.username ?? '',
    date: new Date().toISOString(),
    version: PROTOCOL_VERSION,
  };
  return new KernelMessage({
    channel: options.channel,
    parts: {
      header: Buffer.from(JSON.stringify(header)),
      parentHeader: options.parent?.parts.header ?? EMPTY_OBJECT,
      metadata: jsonBytes(options.metadata),
      content: jsonBytes(options.content),
    },
    buffers: options.buffers,
  });
}

const noBuffers: readonly Buffer[] = [];
const EMPTY_OBJECT = Buffer.from('{}');

function jsonBytes(value: JsonObject | undefined): Buffer {
  return value === undefined ? EMPTY_OBJECT : Buffer.from(JSON.stringify(value));
}

const unreadableHeader: MessageHeader = {
  msg_id: '',
  msg_type: '',
  session: '',
  username: '',
  date: '',
  version: '',
};

function readHeader(bytes: Buffer): MessageHeader {
  const fields = tryParseObject(bytes);
  if (fields === undefined) return unreadableHeader;
  return {
    msg_id: textOf(fields['msg_id']),
    msg_type: textOf(fields['msg_type']),
    session: textOf(fields['session']),
    username: textOf(fields['username']),
    date: textOf(fields['date']),
    version: textOf(fields['version']),
  };
}

function readParentHeader(bytes: Buffer): ParentHeader {
  if (bytes.length <= 2) return {};
  const fields = tryParseObject(bytes);
  if (fields === undefined) return {};
  const { msg_id: msgId, msg_type: msgType, session } = fields;
  return {
    ...(typeof msgId === 'string' ? { msg_id: msgId } : {}),
    ...(typeof msgType === 'string' ? { msg_type: msgType } : {}),
    ...(typeof session === 'string' ? { session } : {}),
  };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : '';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function tryParseObject(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function parseObject(bytes: Buffer, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (error) {
    throw new ProvisionerError('PROTOCOL_ERROR', `the ${what} of the message is not JSON: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  if (isRecord(value)) return value;
  throw new ProvisionerError('PROTOCOL_ERROR', `the ${what} of the message is not a JSON object`);
}
