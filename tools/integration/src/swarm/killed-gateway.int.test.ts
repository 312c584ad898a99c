import { test } from '@jest/globals';
import { killedWhileLaunching } from '../robustness/killed-while-launching.ts';
import { swarmKernels } from './swarm-kernels.ts';

const rounds = Number(process.env['GP_TEST_SWARM_KILLS'] ?? 30);

test(`a gateway that is killed ${rounds} times while it launches services leaves nothing that it does not know`, async () => {
  await killedWhileLaunching({
    rounds,
    kernels: async (options) => {
      const driver_config = { name: 'local', options };
      return await swarmKernels({ python: { mounts: [{ type: 'volume', target: '/scratch', driver_config }] } });
    },
  });
}, 600_000);
