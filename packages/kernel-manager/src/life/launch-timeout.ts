import { ConfigError } from '@gateway-provisioners/core';
import type { KernelSpec } from '@gateway-provisioners/core';
import type { ManagerSettings } from '../settings.ts';

/**
 * How long a launch may take, in milliseconds, where whoever starts the kernel does not say: seconds of the kernelspec's
 * setting `launch_timeout` (Gateway Provisioners'), else of `KERNEL_LAUNCH_TIMEOUT` in its `env` (Enterprise Gateway's),
 * else the manager's own. Errors: `INVALID_CONFIG` when the kernelspec has something else there.
 */
export function launchTimeoutOf({
  kernelSpec,
  settings,
}: {
  readonly kernelSpec: KernelSpec;
  readonly settings: Pick<ManagerSettings, 'launchTimeoutMs'>;
}): number {
  const given: readonly (readonly [string, unknown])[] = [
    ['launch_timeout', kernelSpec.provisioner.config['launch_timeout']],
    ['env.KERNEL_LAUNCH_TIMEOUT', kernelSpec.env['KERNEL_LAUNCH_TIMEOUT']],
  ];
  for (const [key, value] of given) {
    if (value === undefined || value === null || value === '') continue;
    const seconds = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
    if (seconds > 0 && Number.isFinite(seconds)) return seconds * 1_000;
    const message = `expected a number of seconds, more than 0, not ${JSON.stringify(value)}`;
    throw new ConfigError(`kernelspec ${kernelSpec.name}`, [{ key, message }]);
  }
  return settings.launchTimeoutMs;
}
