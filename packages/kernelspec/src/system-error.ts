import { systemErrorCode } from '@gateway-provisioners/core';

/** True when the path, or a folder on the way to it, does not exist. */
export function isAbsence(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
