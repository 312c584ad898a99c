import type { LauncherParameters } from '@gateway-provisioners/core';
import { launcherPath } from '@gateway-provisioners/launchers';
import { requiredFile } from '../support/test-environment.ts';
import type { LaunchOptions } from './launcher-bench.ts';

/** The Python launcher's command line, with the options that all backends give and more. */
export function pythonLauncherArgv(python: string, ...options: readonly string[]): LaunchOptions['argv'] {
  return ({ kernelId, responseAddress, publicKey, portRange }: LauncherParameters['public']) => [
    python,
    launcherPath('python'),
    ...['--kernel-id', kernelId],
    ...['--response-address', responseAddress],
    ...['--public-key', publicKey],
    ...['--port-range', portRange],
    ...options,
  ];
}

/** ipykernel 6 and nothing that encrypts. */
export function launcherPython(): string {
  return requiredFile({ variable: 'GP_TEST_LAUNCHER_PYTHON', script: 'tools/testbeds/launcher-python.sh' });
}

/** Gateway Provisioners, with PyNaCl and pycryptodome. */
export function gatewayProvisionersPython(): string {
  return requiredFile({
    variable: 'GP_TEST_GATEWAY_PROVISIONERS_PYTHON',
    script: 'tools/testbeds/gateway-provisioners-python.sh',
  });
}
