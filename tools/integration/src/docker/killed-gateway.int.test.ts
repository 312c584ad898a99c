import { test } from '@jest/globals';
import { killedWhileLaunching } from '../robustness/killed-while-launching.ts';
import { dockerKernels } from './container-kernels.ts';

const rounds = Number(process.env['GP_TEST_DOCKER_KILLS'] ?? 30);

test(`a gateway that is killed ${rounds} times while it launches kernels leaves nothing that it does not know`, async () => {
  await killedWhileLaunching({
    rounds,
    kernels: async (driver_options) => {
      const mounts = [{ type: 'volume', target: '/scratch', driver: 'local', driver_options }];
      return await dockerKernels({ python: { image_name: 'gp-test/kernel-py', mounts } });
    },
  });
}, 600_000);
