import { ProvisionerError } from '@gateway-provisioners/core';
import type { CallOptions, ConnectionInfo } from '@gateway-provisioners/core';

export function parseConnectionInfo(value: unknown): ConnectionInfo {
  throw new ProvisionerError('INVALID_CONNECTION_INFO', `not written yet: ${typeof value}`);
}

export function readConnectionFile(path: string, options?: CallOptions): Promise<ConnectionInfo> {
  return Promise.reject(new ProvisionerError('INTERNAL', `not written yet: ${path} ${typeof options}`));
}

export function writeConnectionFile(path: string, info: ConnectionInfo): Promise<void> {
  return Promise.reject(new ProvisionerError('INTERNAL', `not written yet: ${path} ${typeof info}`));
}
