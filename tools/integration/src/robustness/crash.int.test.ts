import { expect, test } from '@jest/globals';
import { runCrashCampaign } from './crash-campaign.ts';

test('a gateway killed 50 times at random points of launch, run and shutdown loses no kernel and leaves no process', async () => {
  const hits = await runCrashCampaign({ kills: 50, seed: 20_260_101 });
  // A campaign that never hit a phase has proven nothing about it.
  expect(hits.launch).toBeGreaterThan(0);
  expect(hits.run).toBeGreaterThan(0);
  expect(hits.shutdown).toBeGreaterThan(0);
}, 900_000);
