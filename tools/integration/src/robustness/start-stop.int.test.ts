import { describe, expect, test } from '@jest/globals';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { testPython } from '../support/test-environment.ts';
import { installFakeKernel } from './crash-campaign.ts';
import { startMortalGateway } from './mortal-gateway.ts';
import { rssSlopeBytes, runStartStopCycles } from './start-stop-campaign.ts';

describe('starting and stopping kernels leaks neither files nor memory', () => {
  test.each([
    { kernelName: 'fake', cycles: 1000 },
    { kernelName: 'python3', cycles: 50 },
  ])(
    '$cycles cycles of $kernelName',
    async ({ kernelName, cycles }) => {
      await using scratch = await createScratchFolder();
      const env = await installFakeKernel(scratch);
      await using gateway = await startMortalGateway({ scratch, env, python: testPython() });
      const samples = await runStartStopCycles(gateway, { kernelName, cycles });
      const lastHalf = samples.slice(cycles / 2);
      const files = lastHalf.map(({ openFiles }) => openFiles);
      // A connection that is being torn down may still be open at the moment of one sample; a leak shows in all later ones.
      expect(Math.min(...files.slice(-10))).toBe(Math.min(...files.slice(0, 10)));
      // 50 cycles are too few for a slope to mean anything; there the open files tell.
      if (cycles >= 1000) expect(rssSlopeBytes(lastHalf)).toBeLessThan(10 * 1024);
    },
    900_000,
  );
});
