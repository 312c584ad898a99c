import { ProvisionerError } from '../errors.ts';
import { systemErrorCode } from '../system-error.ts';

/**
 * Sends a signal to a process, or with `group` to a whole process group. False when nobody is there.
 * Errors: `INVALID_ARGUMENT` for a number that must never be signalled (0, 1, negative: they mean "everybody");
 * `FORBIDDEN` when it belongs to another user.
 */
export function sendSignal(
  pid: number,
  signum: number,
  options: { readonly group?: boolean; readonly ownPid?: number } = {},
): boolean {
  assertSignalable(pid, options.ownPid);
  if (!Number.isInteger(signum) || signum < 0 || signum > 64) {
    throw new ProvisionerError('INVALID_ARGUMENT', `${String(signum)} is not a signal number (0..64)`);
  }
  try {
    process.kill(options.group === true ? -pid : pid, signum);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ESRCH') return false;
    const what = `${options.group === true ? 'process group' : 'process'} ${String(pid)}`;
    if (code === 'EPERM') throw new ProvisionerError('FORBIDDEN', `${what} belongs to another user`, { cause: error });
    throw new ProvisionerError('INVALID_ARGUMENT', `signal ${String(signum)} to ${what} failed`, { cause: error });
  }
}

function assertSignalable(pid: number, ownPid = process.pid): void {
  if (Number.isSafeInteger(pid) && pid > 1 && pid !== ownPid) return;
  throw new ProvisionerError('INVALID_ARGUMENT', `process ${String(pid)} must never be signalled`);
}
