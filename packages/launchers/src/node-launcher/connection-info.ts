import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LauncherError } from './launcher-error.ts';

/** What a Jupyter connection file holds. `key` is a secret. */
export interface ConnectionInfo {
  readonly shell_port: number;
  readonly iopub_port: number;
  readonly stdin_port: number;
  readonly control_port: number;
  readonly hb_port: number;
  readonly ip: string;
  readonly key: string;
  readonly transport: 'tcp';
  readonly signature_scheme: 'hmac-sha256';
  readonly kernel_name: string;
}

/** All that the gateway is told. */
export interface LauncherInfo extends ConnectionInfo {
  readonly pid: number;
  readonly pgid: number;
  readonly comm_port: number;
  readonly kernel_id: string;
}

export function createConnectionInfo(ports: readonly number[]): ConnectionInfo {
  const [shell = 0, iopub = 0, stdin = 0, control = 0, heartbeat = 0] = ports;
  return {
    shell_port: shell,
    iopub_port: iopub,
    stdin_port: stdin,
    control_port: control,
    hb_port: heartbeat,
    ip: '0.0.0.0',
    key: randomUUID(),
    transport: 'tcp',
    signature_scheme: 'hmac-sha256',
    kernel_name: '',
  };
}

export interface ConnectionFile {
  /** A folder of its own (0700), to be removed. */
  readonly folder: string;
  readonly path: string;
}

/** Errors: {@link LauncherError} when the temporary folder cannot be written. */
export async function writeConnectionFile(kernelId: string, info: ConnectionInfo): Promise<ConnectionFile> {
  try {
    const folder = await mkdtemp(join(tmpdir(), 'gp-kernel-'));
    const path = join(folder, `kernel-${kernelId}.json`);
    await writeFile(path, Buffer.from(`${JSON.stringify(info, null, 2)}\n`), { mode: 0o600, flag: 'wx' });
    return { folder, path };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LauncherError(`the connection file cannot be written: ${reason}`);
  }
}
