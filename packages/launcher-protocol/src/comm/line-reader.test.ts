import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LineReader } from './line-reader.ts';

const readerOf = (chunks: readonly unknown[], maxBytes = 10) => new LineReader(Readable.from(chunks), { maxBytes });

describe('LineReader', () => {
  test('lines arrive whole, however the stream is cut; what has no end is no line', async () => {
    const line = fc.stringMatching(/^[^\n]{0,10}$/).filter((text) => Buffer.byteLength(text) <= 40);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 5 }), line, fc.integer({ min: 1, max: 9 }), async (...given) => {
        const [lines, rest, size] = given;
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join('') + rest);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
        const reader = readerOf(chunks, 40);
        for (const text of lines) expect(await reader.next()).toBe(Buffer.from(text).toString());
        expect(await reader.next()).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['in one piece', ['01234567890\n']],
    ['in pieces', ['012345', '67890', '\n']],
    ['after a good one', ['ok\n', '01234567890\n']],
    ['without an end', ['01234567890']],
  ])('a line that is too long, %s, is a PROTOCOL_ERROR', async (_what, chunks) => {
    const reader = readerOf(chunks.map((text) => Buffer.from(text)));
    const lines = async (): Promise<void> => {
      while ((await reader.next()) !== undefined);
    };
    await expect(lines()).rejects.toMatchObject({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('10') });
  });

  test('a line of exactly the maximum is taken', async () => {
    expect(await readerOf([Buffer.from('0123456789\n')]).next()).toBe('0123456789');
  });

  test('a stream of something else than bytes is a defect of ours', async () => {
    await expect(readerOf([{ not: 'bytes' }]).next()).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('waits no longer than its signal', async () => {
    const never = new LineReader(new Readable({ read: () => undefined }), { maxBytes: 10 });
    await expect(never.next(AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
