import { expect, test } from '@jest/globals';
import { listenerFuzzTargets } from './fuzz-listeners.ts';

test.each(listenerFuzzTargets)('$name, briefly', async (target) => {
  const { runs, accepted } = await target.run(20_260_101, 4000);
  expect(accepted).toBe(runs);
});
