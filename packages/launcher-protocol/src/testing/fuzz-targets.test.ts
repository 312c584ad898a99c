import { describe, expect, test } from '@jest/globals';
import { fuzzTargets } from './fuzz-targets.ts';

/** The first requests are handed over whatever the peer is. */
const neverRefuses = new Set(['comm-client-v1']);

describe('parsers and both ends under random input', () => {
  test.each(fuzzTargets.map((target) => [target.name, target] as const))('%s', async (name, target) => {
    for (const seed of [1, 20260101]) {
      const { runs, accepted } = await target.run(seed, 200);
      // Both sides of each were reached.
      expect(accepted).toBeGreaterThan(0);
      if (!neverRefuses.has(name)) expect(accepted).toBeLessThan(runs);
    }
  });
});
