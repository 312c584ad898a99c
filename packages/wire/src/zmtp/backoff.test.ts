import { expect, test } from '@jest/globals';
import { retryDelayMs } from './backoff.ts';

const half = (): number => 0.5;

test('a twentieth of the outage, from 10 ms up to 250 ms while a kernel may be starting, up to 2 s after that', () => {
  const delays = [0, 199, 400, 2_000, 29_999, 30_000].map((outageMs) => retryDelayMs({ outageMs, random: half }));
  expect(delays).toEqual([10, 10, 20, 100, 250, 1_500]);
});

test('spreads by a fifth', () => {
  expect(retryDelayMs({ outageMs: 0, random: () => 0 })).toBe(8);
  expect(retryDelayMs({ outageMs: 0, random: () => 0.999 })).toBeCloseTo(12, 1);
});
