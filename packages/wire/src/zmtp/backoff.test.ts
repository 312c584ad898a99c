import { expect, test } from '@jest/globals';
import { retryDelayMs } from './backoff.ts';

const half = (): number => 0.5;

test('10 ms, doubling up to 250 ms while a kernel may be starting, up to 2 s after that', () => {
  const eager = [1, 2, 3, 4, 5, 6, 7, 1000].map((failures) => retryDelayMs({ failures, outageMs: 0, random: half }));
  expect(eager).toEqual([10, 20, 40, 80, 160, 250, 250, 250]);
  expect(retryDelayMs({ failures: 100, outageMs: 30_000, random: half })).toBe(2000);
});

test('spreads by a fifth', () => {
  expect(retryDelayMs({ failures: 1, outageMs: 0, random: () => 0 })).toBe(8);
  expect(retryDelayMs({ failures: 1, outageMs: 0, random: () => 0.999 })).toBeCloseTo(12, 1);
});
