import { readFile } from 'node:fs/promises';
import { ProvisionerError, errorMessage, parseStoredConnectionInfo } from '@gateway-provisioners/core';
import type { ConnectionInfo, ResourceOwner } from '@gateway-provisioners/core';

/**
 * Reads what the launch wrote. Errors: `KERNEL_UNREACHABLE` when it cannot be read any more: the kernel may live, but
 * nobody knows its key.
 */
export async function readConnectionFile(path: string, owner: ResourceOwner): Promise<ConnectionInfo> {
  try {
    return parseStoredConnectionInfo(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    throw new ProvisionerError(
      'KERNEL_UNREACHABLE',
      `the connection file ${path} of a running kernel cannot be read: ${errorMessage(error)}`,
      { cause: error, coordinates: { kernel: owner.kernelId } },
    );
  }
}
