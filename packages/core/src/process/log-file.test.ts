import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeTail, readLogTail } from './log-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-log-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('readLogTail', () => {
  it('gives the end of a file, cut at whole characters', async () => {
    const path = join(folder, 'log');
    await writeFile(path, 'äöü€𝄞!');
    expect(await readLogTail(path)).toBe('äöü€𝄞!');
    expect(await readLogTail(path, { maxBytes: 5 })).toBe('𝄞!');
    expect(await readLogTail(path, { maxBytes: 4 })).toBe('!');
    expect(await readLogTail(path, { maxBytes: 0 })).toBe('');
  });
  it('is empty for a file that does not exist', async () => {
    expect(await readLogTail(join(folder, 'none'))).toBe('');
  });
});

describe('decodeTail', () => {
  it('leaves out a character that is not yet complete', () => {
    expect(decodeTail(Buffer.from('a€').subarray(0, 3), { cutAtStart: false })).toBe('a');
  });
  it('gives a suffix of the text for any cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, cut) => {
        const bytes = Buffer.from(text);
        const start = bytes.length === 0 ? 0 : cut % bytes.length;
        const tail = decodeTail(bytes.subarray(start), { cutAtStart: start > 0 });
        expect(bytes.toString().endsWith(tail)).toBe(true);
        expect(bytes.length - start - Buffer.byteLength(tail)).toBeLessThan(4);
      }),
    );
  });
});
