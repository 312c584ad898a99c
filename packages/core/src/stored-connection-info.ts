import { z } from 'zod';
import type { ConnectionInfo } from './connection-info.ts';
import { ProvisionerError } from './errors.ts';

const port = z.int().min(1).max(65_535);

/** For states and records that hold a {@link ConnectionInfo}. */
export const storedConnectionInfo = z.object({
  transport: z.enum(['tcp', 'ipc']),
  ip: z.string().min(1),
  shell_port: port,
  iopub_port: port,
  stdin_port: port,
  control_port: port,
  hb_port: port,
  key: z.string(),
  signature_scheme: z.literal('hmac-sha256'),
  kernel_name: z.string().exactOptional(),
  curve_publickey: z.string().exactOptional(),
  curve_secretkey: z.string().exactOptional(),
});

/**
 * Reads the connection of a kernel as it was stored, by us or by Enterprise Gateway: complete, with no defaults;
 * further members are left out. What a stranger wrote is for `parseConnectionInfo` of wire, which forgives more.
 * Errors: `INVALID_CONNECTION_INFO` with the names of the members that are wrong; values are not repeated.
 */
export function parseStoredConnectionInfo(value: unknown): ConnectionInfo {
  const parsed = storedConnectionInfo.safeParse(value);
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path }) => path.map(String).join('.') || 'it is no JSON object');
  throw new ProvisionerError('INVALID_CONNECTION_INFO', `stored connection info cannot be used: ${wrong.join(', ')}`);
}
