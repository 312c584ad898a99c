import { expect, test } from '@jest/globals';
import { decoderFuzzTargets } from './fuzz-targets.ts';

test.each(decoderFuzzTargets)('$name under random input', async (target) => {
  for (const seed of [1, 20260101]) {
    const { runs, accepted } = await target.run(seed, 150);
    // Both sides were reached.
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(runs);
  }
});
