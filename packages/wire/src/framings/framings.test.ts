import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import { channelNames } from '@gateway-provisioners/core';
import fc from 'fast-check';
import { KernelMessage, createMessage } from '../kernel-message.ts';
import type { KernelMessageInit } from '../kernel-message.ts';
import { defaultFraming } from './default-framing.ts';
import { BY_REFERENCE_BYTES } from './gather.ts';
import { V1_SUBPROTOCOL, v1Framing } from './v1-framing.ts';

const json = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => Buffer.from(JSON.stringify(value)));
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const anyMessage = fc
  .record({
    channel: fc.constantFrom(...channelNames),
    parts: fc.record({ header: json, parentHeader: json, metadata: json, content: json }),
    buffers: fc.array(bytes, { maxLength: 4 }),
  })
  .map((init) => new KernelMessage(init));

function plain(message: KernelMessage): unknown {
  return { channel: message.channel, parts: message.parts, buffers: message.buffers };
}

function rule(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' });
    return error instanceof Error ? error.message : '';
  }
  return 'accepted';
}

const sample = createMessage({
  channel: 'iopub',
  msgType: 'stream',
  session: 's"é',
  msgId: 'm-1',
  content: { text: 'hé' },
  buffers: [Buffer.from('one'), Buffer.alloc(0)],
});

function segmentsOf({ parts, buffers = [] }: KernelMessageInit): readonly Buffer[] {
  return [parts.header, parts.parentHeader, parts.metadata, parts.content, ...buffers];
}

describe.each([v1Framing, defaultFraming])('$name framing', (framing) => {
  test('what is encoded is decoded to the same bytes', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(plain(framing.decode(framing.encode(message)))).toEqual(plain(message));
      }),
      { numRuns: 100, seed: 3 },
    );
  });

  test('content that JSON.parse would change passes through unchanged', () => {
    const content = Buffer.from(
      '{"n":12345678901234567890,"z":1.0,"a":"\\ud800\\/\\u00e9","z":1e400,"date":"2024-01-01"}',
    );
    const message = new KernelMessage({ channel: 'shell', parts: { ...sample.parts, content } });
    expect(framing.decode(framing.encode(message)).parts.content.toString()).toBe(content.toString());
  });

  test('one encoding is shared by all clients', () => {
    expect(framing.encodeFrame(sample)).toBe(framing.encodeFrame(sample));
  });

  test('the first frame replaces the bytes that it was made from', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const before = plain(message);
        const [bytes] = framing.encodeFrame(message).chunks;
        expect(plain(message)).toEqual(before);
        expect(message.parts.content.buffer === bytes?.buffer).toBe(true);
        const other = framing === v1Framing ? defaultFraming : v1Framing;
        expect(plain(other.decode(other.encode(message)))).toEqual(before);
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  describe('a part of a megabyte or more', () => {
    const large = Buffer.from(JSON.stringify({ text: 'é'.repeat(BY_REFERENCE_BYTES / 2) }));
    const small = Buffer.from('{"a":1}');
    const parts = { header: sample.parts.header, parentHeader: small, metadata: small, content: large };
    const largeHeader = Buffer.from(JSON.stringify({ msg_id: 'm', msg_type: 't', x: 'x'.repeat(BY_REFERENCE_BYTES) }));
    const bulk = Buffer.alloc(BY_REFERENCE_BYTES, 7);

    test.each<[string, KernelMessageInit]>([
      ['the content', { channel: 'iopub', parts }],
      ['the content beside buffers', { channel: 'iopub', parts, buffers: [small, bulk, Buffer.alloc(0)] }],
      ['a buffer', { channel: 'iopub', parts: { ...parts, content: small }, buffers: [bulk, small] }],
      ['the first part', { channel: 'iopub', parts: { ...parts, header: largeHeader } }],
    ])('%s leaves from where it stands, in as few chunks as can be', (_what, init) => {
      const message = new KernelMessage(init);
      const { chunks, sizeBytes } = framing.encodeFrame(message);
      const before = segmentsOf(init);
      const byReference = before.filter(({ length }) => length >= BY_REFERENCE_BYTES);
      expect(chunks.filter((chunk) => byReference.includes(chunk))).toHaveLength(byReference.length);
      expect(chunks.length).toBeLessThanOrEqual(2 * byReference.length + 1);
      expect(sizeBytes).toBe(Buffer.concat(chunks).length);
      for (const after of [message, framing.decode(framing.encode(message))]) {
        // One by one, because the difference of megabytes takes minutes to print.
        expect(segmentsOf(after).map((segment, index) => before[index]?.equals(segment))).toEqual(
          before.map(() => true),
        );
      }
    });
  });

  test('every cut of a frame is refused, never misread', () => {
    const whole = Buffer.concat(framing.encodeFrame(sample).chunks);
    for (let length = 0; length < whole.length; length += 1) {
      const cut = whole.subarray(0, length);
      // The default framing has no total length: a cut in the last part is a shorter last part.
      if (framing.name === 'default' && length >= whole.length - 3) continue;
      expect(rule(() => framing.decode(cut))).toContain(`${framing.name} framing`);
    }
  });
});

describe('v1 framing', () => {
  const frame = (...offsets: (number | bigint)[]) => {
    const bytes = Buffer.alloc(offsets.length * 8 + 8);
    offsets.forEach((offset, index) => bytes.writeBigUInt64LE(BigInt(offset), index * 8));
    return bytes;
  };

  test('has the layout of the protocol', () => {
    expect(V1_SUBPROTOCOL).toBe('v1.kernel.websocket.jupyter.org');
    const { header, parentHeader, metadata, content } = sample.parts;
    const segments = [Buffer.from('iopub'), header, parentHeader, metadata, content, ...sample.buffers];
    const bytes = Buffer.concat(v1Framing.encodeFrame(sample).chunks);
    expect(v1Framing.encodeFrame(sample).isText).toBe(false);
    expect(bytes.readBigUInt64LE(0)).toBe(8n);
    let offset = 8 * (1 + 8);
    segments.forEach((segment, index) => {
      expect(bytes.readBigUInt64LE(8 + 8 * index)).toBe(BigInt(offset));
      expect(bytes.subarray(offset, offset + segment.length)).toEqual(segment);
      offset += segment.length;
    });
    expect(bytes.readBigUInt64LE(8 + 8 * 7)).toBe(BigInt(bytes.length));
  });

  test.each([
    ['text instead of bytes', '{}', 'messages are binary, this one is text'],
    ['no count', Buffer.alloc(7), 'the frame has 7 bytes, fewer than its count'],
    ['too few offsets', frame(5, 48, 48, 48, 48, 48), 'there are 5 offsets, fewer than 6'],
    ['a count that overflows', frame(2n ** 64n - 1n), 'there are more than 65536 offsets'],
    ['a count beyond the limit', frame(65_537), 'there are more than 65536 offsets'],
    ['a count beyond the frame', frame(7, 64), 'the frame ends within its offsets'],
    ['data before its place', frame(6, 48, 56, 56, 56, 56, 64), 'the first offset is not 56'],
    ['offsets that go back', frame(6, 56, 60, 57, 64, 64, 64), 'offset 2 is smaller than the one before'],
    ['an offset beyond the end', frame(6, 56, 65, 65, 65, 65, 65), 'offset 1 is beyond the end of the frame'],
    ['an offset beyond 2^53', frame(6, 56, 2n ** 63n, 56, 56, 56, 56), 'offset 1 is beyond the end of the frame'],
    ['bytes after the last offset', frame(6, 56, 56, 56, 56, 56, 56), 'the last offset is not the length of the frame'],
  ])('%s is refused', (_, data, expected) => {
    expect(rule(() => v1Framing.decode(data))).toContain(expected);
  });

  test('a channel that no kernel has, and a header that is no object, are refused', () => {
    const good = Buffer.concat(v1Framing.encodeFrame(sample).chunks);
    const channelAt = 8 * 9;
    const wrong = Buffer.from(good);
    wrong.write('iopuB', channelAt);
    expect(rule(() => v1Framing.decode(wrong))).toContain(
      'the channel "iopuB" is none of shell, iopub, stdin, control',
    );
    const headless = Buffer.from(good);
    headless.write('[', channelAt + 5);
    expect(rule(() => v1Framing.decode(headless))).toContain('the header is not a JSON object');
  });
});

describe('default framing', () => {
  const decodeText = (value: object) => defaultFraming.decode(JSON.stringify(value));

  test('text has the fields that clients read', () => {
    const message = createMessage({
      channel: 'iopub',
      msgType: 'status',
      session: 's',
      msgId: 'm"2',
      content: { execution_state: 'idle' },
    });
    const text = defaultFraming.encode(message);
    expect(typeof text).toBe('string');
    const value: unknown = JSON.parse(String(text));
    expect(Object.keys(value instanceof Object ? value : {})).toEqual([
      'header',
      'msg_id',
      'msg_type',
      'parent_header',
      'metadata',
      'content',
      'buffers',
      'channel',
    ]);
    expect(value).toEqual({
      header: message.header,
      msg_id: 'm"2',
      msg_type: 'status',
      parent_header: {},
      metadata: {},
      content: { execution_state: 'idle' },
      buffers: [],
      channel: 'iopub',
    });
    expect(defaultFraming.encodeFrame(message)).toMatchObject({ chunks: [Buffer.from(String(text))], isText: true });
  });

  test('binary has a count, offsets and the JSON without buffers', () => {
    const bytes = Buffer.concat(defaultFraming.encodeFrame(sample).chunks);
    expect(bytes.readUInt32BE(0)).toBe(3);
    const [start, first, second] = [4, 8, 12].map((at) => bytes.readUInt32BE(at));
    expect(start).toBe(16);
    const value: unknown = JSON.parse(bytes.subarray(start, first).toString());
    expect(value).toMatchObject({ channel: 'iopub', msg_id: 'm-1', content: { text: 'hé' } });
    expect(value).not.toHaveProperty('buffers');
    expect(bytes.subarray(first, second).toString()).toBe('one');
    expect(second).toBe(bytes.length);
  });

  test('what a client may leave out', () => {
    const message = decodeText({ header: { msg_type: 'kernel_info_request', session: '' }, parent_header: null });
    expect(message.channel).toBe('shell');
    expect(message.header).toEqual({
      msg_id: '',
      msg_type: 'kernel_info_request',
      session: '',
      username: '',
      date: '',
      version: '',
    });
    expect(message.parts).toMatchObject({
      parentHeader: Buffer.from('{}'),
      metadata: Buffer.from('{}'),
      content: Buffer.from('{}'),
    });
  });

  test('the duplicated id and an unpaired surrogate of the kernel do not spoil the text', () => {
    const header = Buffer.from('{"msg_id":"\\ud800\\"","msg_type":"x"}');
    const message = new KernelMessage({ channel: 'shell', parts: { ...sample.parts, header } });
    expect(JSON.parse(String(defaultFraming.encode(message)))).toMatchObject({ msg_id: '\ud800"' });
  });

  test('bytes of the kernel that are not UTF-8 do not end the connection of a browser', () => {
    const content = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    const message = new KernelMessage({ channel: 'iopub', parts: { ...sample.parts, content } });
    expect(JSON.parse(String(defaultFraming.encode(message)))).toMatchObject({
      content: { '\ufffd': 1 },
    });
  });

  test('an empty part is sent as an empty object', () => {
    const message = new KernelMessage({ channel: 'iopub', parts: { ...sample.parts, parentHeader: Buffer.alloc(0) } });
    expect(JSON.parse(String(defaultFraming.encode(message)))).toMatchObject({ parent_header: {} });
  });

  test.each([
    ['{"header":{}', 'not JSON: expected "," or "}" at the end'],
    ['null', 'not JSON: expected an object at byte 0'],
    ['{}', 'there is no header'],
    ['{"header":null}', 'there is no header'],
    ['{"header":[]}', '"header" is not an object'],
    ['{"header":{},"content":"x"}', '"content" is not an object'],
    ['{"header":{},"channel":7}', '"channel" is not a string'],
    ['{"header":{},"channel":"heartbeat"}', 'the channel "heartbeat" is none of'],
  ])('%s is refused', (text, expected) => {
    expect(rule(() => defaultFraming.decode(text))).toContain(expected);
  });

  const binary = (...words: number[]) => {
    const data = Buffer.alloc(words.length * 4);
    words.forEach((word, index) => data.writeUInt32BE(word, index * 4));
    return data;
  };

  test.each([
    ['no count', Buffer.alloc(3), 'the frame has 3 bytes, fewer than its count'],
    ['no parts', binary(0), 'the frame has no parts'],
    ['too many parts', binary(65_537), 'there are more than 65536 parts'],
    ['a count beyond the frame', binary(2, 12), 'the frame ends within its offsets'],
    ['data within the offsets', binary(1, 4), 'the first offset is before 8'],
    ['a first offset beyond the end', binary(1, 9), 'offset 0 is beyond the end of the frame'],
    ['offsets that go back', binary(2, 16, 12, 0), 'offset 1 is smaller than the one before'],
    ['an offset beyond the end', binary(2, 12, 0xffffffff), 'offset 1 is beyond the end of the frame'],
    ['JSON that is not UTF-8', Buffer.concat([binary(1, 8), Buffer.from([0x7b, 0x22, 0xff])]), 'the JSON is not UTF-8'],
  ])('%s is refused', (_, data, expected) => {
    expect(rule(() => defaultFraming.decode(data))).toContain(expected);
  });

  test('parts may be aligned', () => {
    const header = Buffer.from('{"header":{"msg_type":"x"},"channel":"control"}');
    const message = defaultFraming.decode(
      Buffer.concat([binary(2, 16, 16 + header.length, 0), header, Buffer.from('b')]),
    );
    expect([message.channel, message.buffers.map(String)]).toEqual(['control', ['b']]);
  });
});
