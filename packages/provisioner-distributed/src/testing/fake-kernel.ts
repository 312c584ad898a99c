import { launcherPath } from '@gateway-provisioners/launchers';
import { fakeKernelSpec } from '@gateway-provisioners/testkit';
import type { FakeKernelSpecOptions } from '@gateway-provisioners/testkit';
import type { KernelSpec } from '@gateway-provisioners/core';

/** The fake kernel, started by the Node launcher. */
export function launchedFakeKernel(options: FakeKernelSpecOptions = {}): KernelSpec {
  const spec = fakeKernelSpec({ ...options, provisionerName: 'distributed-provisioner' });
  const launcher = [
    process.execPath,
    launcherPath('node'),
    '--kernel-id',
    '{kernel_id}',
    '--port-range',
    '{port_range}',
    '--response-address',
    '{response_address}',
    '--public-key',
    '{public_key}',
    '--',
  ];
  return { ...spec, argv: [...launcher, ...spec.argv] };
}
