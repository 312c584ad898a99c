import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeTraffic, runSession, zmtpFuzzTargets } from './zmtp-fuzz-targets.ts';

describe('ZMTP under random input', () => {
  test.each(zmtpFuzzTargets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    for (const seed of [1, 23, 37, 20260101]) {
      const { runs, accepted } = await target.run(seed, 200);
      expect(accepted).toBeGreaterThan(0);
      expect(accepted).toBeLessThan(runs);
    }
  });

  test('bytes of no sense at all are accepted or refused, never worse', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        for (const decode of [decodeTraffic, runSession]) {
          const input = Buffer.from(bytes);
          const single = decode(Array.from(input, (byte) => Buffer.from([byte])));
          expect(decode([input]).error).toBe(single.error);
        }
      }),
      { seed: 2337, numRuns: 2000 },
    );
  });
});
