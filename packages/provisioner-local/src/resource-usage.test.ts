import { describe, expect, test } from '@jest/globals';
import { parseProcUsage, parsePsUsage } from './resource-usage.ts';

describe('parsers of resource usage', () => {
  test('/proc: a command with blanks and brackets does not shift the fields', () => {
    const stat = '42 (a ) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 7 0 100 1 1';
    const status = 'Name:\tx\nVmPeak:\t  9 kB\nVmRSS:\t    2048 kB\nThreads:\t7\n';
    expect(parseProcUsage(stat, status)).toEqual({ rssBytes: 2048 * 1024, cpuMs: 2000, threads: 7 });
  });

  test('/proc: what is not that is undefined', () => {
    expect(parseProcUsage('', '')).toBeUndefined();
    expect(parseProcUsage('42 (x) S 1', 'Threads:\t1\n')).toBeUndefined();
  });

  test('ps: times with and without hours and days', () => {
    expect(parsePsUsage('  100   0:01.50\n 200 01:02:03\n300 2-00:00:01\nnonsense\n')).toEqual([
      { rssBytes: 102_400, cpuMs: 1_500, threads: undefined },
      { rssBytes: 204_800, cpuMs: 3_723_000, threads: undefined },
      { rssBytes: 307_200, cpuMs: 172_801_000, threads: undefined },
    ]);
  });
});
