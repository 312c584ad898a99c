import { constants } from 'node:os';
import { KernelFailureError } from './errors.ts';
import type { KernelSpec } from './kernel-spec.ts';

/**
 * The signal that interrupts: SIGINT, or what the kernelspec's env names in `EG_ALTERNATE_SIGINT`, as Enterprise
 * Gateway has it. Errors: `LAUNCH_FAILED` for a name that is none of this system's.
 */
export function interruptSignalOf(kernelSpec: KernelSpec): number {
  const name = kernelSpec.env['EG_ALTERNATE_SIGINT'] ?? 'SIGINT';
  const found = Object.entries(constants.signals).find(([known]) => known === name);
  if (found !== undefined) return found[1];
  throw new KernelFailureError(
    'LAUNCH_FAILED',
    `kernelspec ${JSON.stringify(kernelSpec.name)}: EG_ALTERNATE_SIGINT is ${JSON.stringify(name)}, which is not the name of a signal such as SIGUSR2`,
  );
}
