import { describe, test } from '@jest/globals';
import { fakeKernelSpec, provisionerConformance } from '@gateway-provisioners/testkit';
import { localProvisioner } from './index.ts';

const env = { PATH: '/usr/bin:/bin', HOME: '/tmp' };

describe('local-provisioner conforms', () => {
  for (const { name, run } of provisionerConformance({
    definition: localProvisioner,
    kernelSpec: fakeKernelSpec(),
    env,
  })) {
    test(name, run);
  }
});
