import { describe, expect, test } from '@jest/globals';
import { loadVectors } from '../testing/vectors.ts';
import { decodeVersion0 } from './version0.ts';

const vectors = await loadVectors.version0();
const waiting = ['00000000-0000-4000-8000-000000000000', 'short', vectors.kernel_id, 'f'.repeat(36)];

describe('payload of version 0', () => {
  test.each(vectors.accepted)('opens what is $name', ({ payload, expected }) => {
    expect(decodeVersion0(payload, waiting)).toEqual({ kernelId: vectors.kernel_id, info: expected });
  });

  test.each(vectors.refused)('refuses: $name', ({ payload }) => {
    expect(decodeVersion0(payload, waiting)).toBeUndefined();
  });

  test('opens nothing when its kernel is not waited for', () => {
    for (const { payload } of vectors.accepted) expect(decodeVersion0(payload, waiting.slice(0, 2))).toBeUndefined();
  });

  test.each(['', '%%%', 'AAAA'])('refuses %j', (payload) => {
    expect(decodeVersion0(payload, waiting)).toBeUndefined();
  });
});
