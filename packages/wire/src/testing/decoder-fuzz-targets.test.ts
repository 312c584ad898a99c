import { describe, expect, test } from '@jest/globals';
import { decoderFuzzTargets } from './decoder-fuzz-targets.ts';

describe('decoders under random input', () => {
  test.each(decoderFuzzTargets.map((target) => [target.name, target] as const))('%s', async (_, target) => {
    for (const seed of [1, 20260101]) {
      const { runs, accepted } = await target.run(seed, 150);
      // Both sides of each decoder were reached.
      expect(accepted).toBeGreaterThan(0);
      expect(accepted).toBeLessThan(runs);
    }
  });
});
