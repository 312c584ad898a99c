import type { KernelSpec } from '@gateway-provisioners/core';

const LAUNCHER = '/usr/local/bin/kernel-launchers/python/scripts/launch_ipykernel.py';

/** How our images and those of Gateway Provisioners run the launcher of Python kernels. */
export const pythonLauncherArgv: readonly string[] = [
  ...['python3', LAUNCHER, '--kernel-id', '{kernel_id}', '--port-range', '{port_range}'],
  ...['--response-address', '{response_address}', '--public-key', '{public_key}'],
  ...['--spark-context-initialization-mode', 'none'],
];

/** A kernelspec whose `argv` runs in a container, so that the container ends with the program's own exit code. */
export function launcherSpec(
  provisionerName: string,
  {
    name = 'python_in_container',
    argv = pythonLauncherArgv,
  }: { readonly name?: string; readonly argv?: readonly string[] } = {},
): KernelSpec {
  return {
    name,
    displayName: 'Python in a container',
    language: 'python',
    argv,
    env: {},
    interruptMode: 'signal',
    metadata: {},
    extra: {},
    provisioner: { provisionerName, config: {} },
  };
}
