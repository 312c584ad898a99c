import { ProvisionerError } from '@gateway-provisioners/core';

export function recordConflict(kernelId: string, expected: number, stored: number): ProvisionerError {
  const found = stored === 0 ? 'there is none' : `it has version ${String(stored)}`;
  return new ProvisionerError(
    'RECORD_CONFLICT',
    `the record of a kernel was to replace version ${String(expected)}, but ${found}`,
    { coordinates: { kernelId } },
  );
}
