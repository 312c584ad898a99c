import { expect, test } from '@jest/globals';
import { encodeCommandFrame, encodeMessages } from './frame-encoder.ts';

test('writes the bytes of RFC 23', () => {
  expect(
    Buffer.concat(encodeMessages([[Buffer.from('ab'), Buffer.alloc(0)], [Buffer.from('c')]])).toString('hex'),
  ).toBe('01026162' + '0000' + '000163');
  const long = Buffer.concat(encodeMessages([[Buffer.alloc(256, 1)]]));
  expect(long.subarray(0, 9).toString('hex')).toBe('020000000000000100');
  expect(long).toHaveLength(265);
  expect(encodeCommandFrame(Buffer.from('x')).toString('hex')).toBe('040178');
  expect(encodeCommandFrame(Buffer.alloc(256)).subarray(0, 9).toString('hex')).toBe('060000000000000100');
});

test('gathers small frames of a whole batch in one buffer and passes large ones by reference', () => {
  expect(encodeMessages(Array.from({ length: 50 }, () => [Buffer.alloc(10), Buffer.alloc(8192)]))).toHaveLength(1);
  const large = Buffer.alloc(8193);
  const chunks = encodeMessages([[Buffer.from('a'), large, Buffer.from('b')], [large]]);
  expect(chunks).toHaveLength(4);
  expect(chunks[1]).toBe(large);
  expect(chunks[3]).toBe(large);
});

test('encodes nothing as nothing', () => {
  expect(encodeMessages([])).toEqual([]);
});
