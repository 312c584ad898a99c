import { ProvisionerError } from '@gateway-provisioners/core';

const HIGHEST_SIGNAL = 64;

/** Errors: `INVALID_ARGUMENT` for what is no signal number. */
export function checkSignum(signum: number): number {
  if (Number.isInteger(signum) && signum >= 0 && signum <= HIGHEST_SIGNAL) return signum;
  throw new ProvisionerError('INVALID_ARGUMENT', `a signal number is 0 to ${HIGHEST_SIGNAL}, not ${String(signum)}`);
}
