import { readFile } from 'node:fs/promises';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { ConnectionInfo, ResourceOwner } from '@gateway-provisioners/core';
import { z } from 'zod';

const port = z.int().min(1).max(65535);

const connectionFileSchema = z.object({
  transport: z.enum(['tcp', 'ipc']),
  ip: z.string().min(1),
  shell_port: port,
  iopub_port: port,
  stdin_port: port,
  control_port: port,
  hb_port: port,
  key: z.string(),
  signature_scheme: z.literal('hmac-sha256'),
  kernel_name: z.string().optional(),
  curve_publickey: z.string().length(40).optional(),
  curve_secretkey: z.string().length(40).optional(),
});

/**
 * Reads what the launch wrote. Errors: `KERNEL_UNREACHABLE` when it cannot be read any more: the kernel may live, but
 * nobody knows its key.
 */
export async function readConnectionFile(path: string, owner: ResourceOwner): Promise<ConnectionInfo> {
  try {
    const { kernel_name, curve_publickey, curve_secretkey, ...required } = connectionFileSchema.parse(
      JSON.parse(await readFile(path, 'utf8')),
    );
    return {
      ...required,
      ...(kernel_name === undefined ? {} : { kernel_name }),
      ...(curve_publickey === undefined || curve_secretkey === undefined ? {} : { curve_publickey, curve_secretkey }),
    };
  } catch (error) {
    throw new ProvisionerError(
      'KERNEL_UNREACHABLE',
      `the connection file ${path} of a running kernel cannot be read: ${errorMessage(error)}`,
      { cause: error, coordinates: { kernel: owner.kernelId } },
    );
  }
}
