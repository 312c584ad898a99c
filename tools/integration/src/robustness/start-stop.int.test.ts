import { describe, expect, test } from '@jest/globals';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { testPython } from '../support/test-environment.ts';
import { installFakeKernel } from './crash-campaign.ts';
import { startMortalGateway } from './mortal-gateway.ts';
import { MAX_SLOPE_BYTES, keepsFiles, measureGrowth, warmUp } from './start-stop-campaign.ts';

describe('starting and stopping kernels leaks neither files nor memory', () => {
  test.each([
    { kernelName: 'fake', cycles: 1000, every: 10, upTo: 2000 },
    { kernelName: 'python3', cycles: 50, every: 1, upTo: 200 },
  ])(
    '$cycles cycles of $kernelName',
    async ({ kernelName, cycles, every, upTo }) => {
      await using scratch = await createScratchFolder();
      // A kernel is stopped when it has answered: what a conversation leaves would leak unseen otherwise.
      const env = { ...(await installFakeKernel(scratch)), GP_WAIT_UNTIL_READY: 'true' };
      await using gateway = await startMortalGateway({ scratch, env, python: testPython(), collectable: true });
      // Code that runs for the first hundred times is compiled anew now and then.
      await warmUp(gateway, { kernelName: 'fake', cycles: 100 });
      const { samples, rssSlopeBytes, usedSlopeBytes } = await measureGrowth(gateway, {
        kernelName,
        cycles,
        every,
        upTo,
      });
      expect({ samples, keepsFiles: keepsFiles(samples) }).toMatchObject({ keepsFiles: true });
      expect(usedSlopeBytes).toBeLessThan(MAX_SLOPE_BYTES);
      expect(rssSlopeBytes).toBeLessThan(MAX_SLOPE_BYTES);
    },
    1_200_000,
  );
});
