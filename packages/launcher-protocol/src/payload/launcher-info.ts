import { isIP } from 'node:net';
import { ProvisionerError, z85Decode } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import { z } from 'zod';

/** What a launcher says about its kernel, checked. */
export interface LauncherInfo {
  readonly connection: ConnectionInfo;
  readonly kernelId: string;
  readonly pid?: number;
  readonly pgid?: number;
  /** Where the launcher's own listener is; absent when it has none. */
  readonly commPort?: number;
  /** True when CurveZMQ keys were sent that cannot be used, and were left out therefore. */
  readonly droppedCurveKeys: boolean;
}

const HOST_NAME =
  /^(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i;
/** Toree's launcher sends its pid as text. */
const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number),
]);
const port = number.pipe(z.int().min(1).max(65_535));
const processId = number.pipe(z.int().min(1).max(0x7f_ff_ff_ff)).nullish();

const infoSchema = z.object({
  transport: z.literal('tcp').default('tcp'),
  ip: z.string().refine((ip) => isIP(ip) !== 0 || HOST_NAME.test(ip), 'neither an IP address nor a host name'),
  shell_port: port,
  iopub_port: port,
  stdin_port: port,
  control_port: port,
  hb_port: port,
  key: z.string(),
  signature_scheme: z.literal('hmac-sha256').default('hmac-sha256'),
  kernel_name: z.string().nullish(),
  pid: processId,
  pgid: processId,
  comm_port: number.pipe(z.int().min(0).max(65_535)).nullish(),
  kernel_id: z.string(),
});

/**
 * Checks the connection information that a launcher sent; unknown fields are ignored. CurveZMQ keys count only as a
 * pair of which both are Z85 of 32 bytes: otherwise both are dropped, as Gateway Provisioners does, and the caller's
 * encryption policy decides.
 * Errors: `INVALID_CONNECTION_INFO` with every problem; values are not repeated.
 */
export function parseLauncherInfo(value: unknown): LauncherInfo {
  const parsed = infoSchema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.map(String).join('.') || '(all)'}: ${message}`,
    );
    throw new ProvisionerError(
      'INVALID_CONNECTION_INFO',
      `the launcher's connection information cannot be used: ${problems.join('; ')}`,
    );
  }
  const { pid, pgid, comm_port: commPort, kernel_id: kernelId, kernel_name: kernelName, ...connection } = parsed.data;
  const curve = curveKeys(value);
  return {
    connection: {
      ...connection,
      ...(kernelName === null || kernelName === undefined || kernelName === '' ? {} : { kernel_name: kernelName }),
      ...(curve === 'unusable' ? {} : curve),
    },
    kernelId,
    ...(pid === null || pid === undefined ? {} : { pid }),
    ...(pgid === null || pgid === undefined ? {} : { pgid }),
    ...(commPort === null || commPort === undefined || commPort === 0 ? {} : { commPort }),
    droppedCurveKeys: curve === 'unusable',
  };
}

type CurveKeys = Pick<ConnectionInfo, 'curve_publickey' | 'curve_secretkey'>;

const curveSchema = z.object({ curve_publickey: z.unknown(), curve_secretkey: z.unknown() });

function curveKeys(value: unknown): CurveKeys | 'unusable' {
  const { curve_publickey: publicKey, curve_secretkey: secretKey } = curveSchema.partial().parse(value);
  if (isAbsent(publicKey) && isAbsent(secretKey)) return {};
  return isCurveKey(publicKey) && isCurveKey(secretKey)
    ? { curve_publickey: publicKey, curve_secretkey: secretKey }
    : 'unusable';
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function isCurveKey(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== 40) return false;
  try {
    z85Decode(value);
    return true;
  } catch {
    return false;
  }
}
