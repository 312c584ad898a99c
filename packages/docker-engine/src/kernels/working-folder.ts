import { ProvisionerError } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';

/**
 * The folder that a container works in where it mirrors the request's: `KERNEL_WORKING_DIR`, else the notebook's.
 * Errors: `INVALID_ENV`.
 */
export function workingFolder({ env, cwd }: LaunchContext): string | undefined {
  const wanted = env['KERNEL_WORKING_DIR'] ?? '';
  const folder = wanted === '' ? cwd : wanted;
  if (folder === undefined || folder.startsWith('/')) return folder;
  throw new ProvisionerError('INVALID_ENV', 'KERNEL_WORKING_DIR must be an absolute path');
}
