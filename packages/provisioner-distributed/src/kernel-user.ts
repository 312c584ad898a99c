import { ProvisionerError } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';
import type { DistributedConfig } from './distributed-config.ts';

/** Names that useradd makes, and those of directories with dots and capitals: nothing that sudo or a shell reads otherwise. */
const USER_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;

/** Whether a text can be handed to sudo as the name of a user. */
export function isUserName(text: string): boolean {
  return USER_NAME.test(text) && text !== 'root';
}

/**
 * The user of the host that a kernel is to run as; undefined for the account that is logged in.
 * Errors: `INVALID_ENV` when impersonation is on and `KERNEL_USERNAME` is not a plain name. Its value is not repeated.
 */
export function kernelUser(context: LaunchContext, config: DistributedConfig): string | undefined {
  if (config.impersonation_enabled !== true) return undefined;
  const user = context.env['KERNEL_USERNAME'] ?? '';
  if (isUserName(user)) return user;
  const why =
    user === ''
      ? 'is not set'
      : user === 'root'
        ? 'is root, which no kernel runs as'
        : 'is not a plain user name: letters, digits, `_`, `.` and `-`, at most 32, beginning with a letter or `_`';
  throw new ProvisionerError('INVALID_ENV', `kernels run as the user of KERNEL_USERNAME, which ${why}`, {
    coordinates: { kernel: context.kernelId },
  });
}
