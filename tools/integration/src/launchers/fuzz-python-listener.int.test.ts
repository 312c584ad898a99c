import { expect, test } from '@jest/globals';
import { pythonListenerFuzzTargets } from './fuzz-python-listener.ts';

test.each(pythonListenerFuzzTargets)('$name, briefly', async (target) => {
  const { runs, accepted } = await target.run(20_260_101, 5000);
  expect(accepted).toBe(runs);
});
