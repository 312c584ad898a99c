import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { Frames } from '../channel-socket.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { encodeCommandFrame, encodeMessages } from './frame-encoder.ts';

interface Decoded {
  readonly messages: Frames[];
  readonly commands: { body: string; midMessage: boolean }[];
  readonly decoder: FrameDecoder;
}

function decode(chunks: readonly Buffer[], maxMessageBytes = 1_000_000): Decoded {
  const messages: Frames[] = [];
  const commands: { body: string; midMessage: boolean }[] = [];
  const decoder = new FrameDecoder({
    maxMessageBytes,
    onCommand: (body, midMessage) => commands.push({ body: body.toString('latin1'), midMessage }),
  });
  decoder.acceptMessages = true;
  for (const chunk of chunks) decoder.decode(chunk, messages);
  return { messages, commands, decoder };
}

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const points = [...new Set([0, ...cuts.map((at) => at % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return points.slice(1).map((end, index) => bytes.subarray(points[index], end));
}

/** Jest compares buffers byte by byte in JavaScript, which takes minutes here. */
function expectSame(messages: readonly Frames[], sent: readonly Frames[]): void {
  expect(messages.map((frames) => frames.length)).toEqual(sent.map((frames) => frames.length));
  const pairs = messages.flatMap((frames, index) => frames.map((frame, at) => [frame, sent[index]?.[at]] as const));
  expect(pairs.every(([got, wanted]) => wanted !== undefined && got.equals(wanted))).toBe(true);
}

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const frame = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 2, arbitrary: fc.integer({ min: 250, max: 260 }).map((size) => Buffer.alloc(size, size & 0xff)) },
  { weight: 1, arbitrary: fc.integer({ min: 8190, max: 20_000 }).map((size) => Buffer.alloc(size, size & 0xff)) },
);
const message = fc.array(frame, { minLength: 1, maxLength: 9 });

describe('any messages in any chunks', () => {
  test('come out as they went in', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (sent, cuts) => {
        const { messages, decoder } = decode(cut(Buffer.concat(encodeMessages(sent)), cuts));
        expectSame(messages, sent);
        expect(decoder.receivedBytes).toBe(sent.flat().reduce((total, part) => total + part.length, 0));
      }),
      { seed: 23, numRuns: 400 },
    );
  });

  test('come out byte by byte too', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 })), (raw) => {
        const sent = raw.map((parts) => parts.map((part) => Buffer.from(part)));
        const bytes = Buffer.concat(encodeMessages(sent));
        expectSame(decode(Array.from(bytes, (byte) => Buffer.from([byte]))).messages, sent);
      }),
      { seed: 37, numRuns: 60 },
    );
  });

  test('come out with commands between them', () => {
    const bytes = Buffer.concat([
      ...encodeMessages([[Buffer.from('a')]]),
      encodeCommandFrame(Buffer.from('\x04PING..')),
      ...encodeMessages([[Buffer.from('b'), Buffer.alloc(300)]]),
      encodeCommandFrame(Buffer.alloc(300, 'c')),
    ]);
    for (let at = 0; at <= bytes.length; at += 1) {
      const { messages, commands } = decode([bytes.subarray(0, at), bytes.subarray(at)]);
      expect(messages.map((parts) => parts.map((part) => part.length))).toEqual([[1], [1, 300]]);
      expect(commands).toEqual([
        { body: '\x04PING..', midMessage: false },
        { body: 'c'.repeat(300), midMessage: false },
      ]);
    }
  });
});

test('frames within a chunk are views of it, frames over several are one buffer of their own', () => {
  const bytes = Buffer.concat(encodeMessages([[Buffer.alloc(1000, 'x')]]));
  const whole = decode([bytes]).messages[0]?.[0];
  expect(whole?.buffer).toBe(bytes.buffer);
  const split = decode([bytes.subarray(0, 100), bytes.subarray(100)]).messages[0]?.[0];
  expect(split).toEqual(Buffer.alloc(1000, 'x'));
});

test('tells a command in the middle of a message', () => {
  const { commands, messages } = decode([hex('01 01 61 04 01 78 00 01 62')]);
  expect(commands).toEqual([{ body: 'x', midMessage: true }]);
  expect(messages).toEqual([[Buffer.from('a'), Buffer.from('b')]]);
});

describe('refuses', () => {
  test.each([
    ['reserved flags', '08 00', 'reserved'],
    ['all flags', 'ff', 'reserved'],
    ['a command with more frames', '05 00', 'announces more'],
    ['a length with the highest bit', '02 80 00 00 00 00 00 00 00', 'highest bit'],
    ['a command length with the highest bit', '06 ff ff ff ff ff ff ff ff', 'highest bit'],
    ['a command of 64 KiB and one byte', '06 00 00 00 00 00 01 00 01', '65537 bytes'],
    ['a command of 2^62 bytes', '06 40 00 00 00 00 00 00 00', 'command of'],
  ])('%s', (_name, bytes, text) => {
    for (const chunks of [[hex(bytes)], Array.from(hex(bytes), (byte) => Buffer.from([byte]))]) {
      expect(() => decode(chunks)).toThrow(
        expect.objectContaining({ code: 'PROTOCOL_ERROR', message: expect.stringContaining(text) }),
      );
    }
  });

  test.each([
    ['one frame beyond the limit', '00 0b'],
    ['a frame of 2^62 bytes', '02 40 00 00 00 00 00 00 00'],
    ['a frame of 2^53 + 1 bytes', '02 00 20 00 00 00 00 00 01'],
    ['frames beyond the limit together', '01 05 61 61 61 61 61 00 06'],
  ])('%s, without a byte of it', (_name, bytes) => {
    const allocate = jest.spyOn(Buffer, 'allocUnsafe');
    try {
      expect(() => decode([hex(bytes)], 10)).toThrow(expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }));
      expect(allocate.mock.calls.every(([size]) => size <= 10)).toBe(true);
    } finally {
      allocate.mockRestore();
    }
  });

  test('more than 65,536 frames in one message', () => {
    const part = Buffer.from([1, 0]);
    const most = Buffer.concat(Array.from({ length: 65_535 }, () => part));
    expect(decode([most, hex('00 00')]).messages[0]).toHaveLength(65_536);
    expect(() => decode([most, part, part])).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }));
  });

  test('messages before they are allowed', () => {
    const decoder = new FrameDecoder({ maxMessageBytes: 10, onCommand: () => undefined });
    expect(() => {
      decoder.decode(hex('00 01 61'), []);
    }).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }));
  });
});

test('a message of exactly the limit passes, again and again', () => {
  expect(decode(encodeMessages([[Buffer.alloc(6), Buffer.alloc(4)], [Buffer.alloc(10)]]), 10).messages).toHaveLength(2);
});

test('what was complete before an error is there', () => {
  const messages: Frames[] = [];
  const decoder = new FrameDecoder({ maxMessageBytes: 10, onCommand: () => undefined });
  decoder.acceptMessages = true;
  expect(() => {
    decoder.decode(hex('00 01 61 00 01 62 ff'), messages);
  }).toThrow();
  expect(messages).toEqual([[Buffer.from('a')], [Buffer.from('b')]]);
});

test('a large frame in many chunks costs one copy, not one for each chunk', () => {
  const size = 64 * 1024 * 1024;
  const chunk = Buffer.alloc(4096);
  const header = Buffer.from([2, 0, 0, 0, 0, 4, 0, 0, 0]);
  const decoder = new FrameDecoder({ maxMessageBytes: size, onCommand: () => undefined });
  decoder.acceptMessages = true;
  const messages: Frames[] = [];
  decoder.decode(header, messages);
  const startedAt = performance.now();
  for (let sent = 0; sent < size; sent += chunk.length) decoder.decode(chunk, messages);
  expect(messages[0]?.[0]?.length).toBe(size);
  // 16,384 chunks: copying all that came before at each of them would be 512 GiB.
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});
