import { describe, expect, test } from '@jest/globals';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { testPython } from '../support/test-environment.ts';
import { installFakeKernel } from './crash-campaign.ts';
import { startMortalGateway } from './mortal-gateway.ts';
import { MAX_SLOPE_BYTES, measureGrowth, warmUp } from './start-stop-campaign.ts';

describe('starting and stopping kernels leaks neither files nor memory', () => {
  test.each([
    { kernelName: 'fake', cycles: 1000, every: 10, upTo: 2000 },
    { kernelName: 'python3', cycles: 50, every: 1, upTo: 200 },
  ])(
    '$cycles cycles of $kernelName',
    async ({ kernelName, cycles, every, upTo }) => {
      await using scratch = await createScratchFolder();
      const env = await installFakeKernel(scratch);
      await using gateway = await startMortalGateway({ scratch, env, python: testPython(), collectable: true });
      // Code that runs for the first hundred times is compiled anew now and then.
      await warmUp(gateway, { kernelName: 'fake', cycles: 100 });
      const { samples, rssSlopeBytes, usedSlopeBytes } = await measureGrowth(gateway, {
        kernelName,
        cycles,
        every,
        upTo,
      });
      const files = samples.map(({ openFiles }) => openFiles);
      // A connection that is being torn down may still be open at the moment of some samples; a leak shows in all later ones.
      expect(Math.min(...files.slice(-10))).toBeLessThanOrEqual(Math.min(...files.slice(0, 10)));
      expect(usedSlopeBytes).toBeLessThan(MAX_SLOPE_BYTES);
      expect(rssSlopeBytes).toBeLessThan(MAX_SLOPE_BYTES);
    },
    1_200_000,
  );
});
