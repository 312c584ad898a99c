import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { KernelFailureError, createCurveKeys, parsePortRange, reservePorts } from '@gateway-provisioners/core';
import type { ConnectionInfo, LaunchContext } from '@gateway-provisioners/core';
import type { KernelFiles } from './kernel-files.ts';
import type { LocalConfig } from './local-config.ts';

export interface LocalConnectionOptions {
  readonly context: LaunchContext;
  readonly config: LocalConfig;
  readonly files: KernelFiles;
  readonly signal: AbortSignal;
}

// sockaddr_un has room for 108 bytes on Linux and 104 on macOS, the final NUL included.
const LONGEST_SOCKET_PATH = 103;

/**
 * Chooses where a new kernel listens, and its keys. Errors: `LAUNCH_FAILED` when a socket's path would be too long,
 * `ADDRESS_IN_USE` when the range has no free ports.
 */
export async function chooseConnection(options: LocalConnectionOptions): Promise<ConnectionInfo> {
  const { context } = options;
  const place = options.config.transport === 'ipc' ? socketPaths(options.files) : await tcpPorts(options);
  // Whether the kernelspec declares CurveZMQ has been settled by whoever made the context.
  const curve = context.transportEncryption === 'disabled' ? undefined : await createCurveKeys();
  return {
    ...place,
    key: randomBytes(32).toString('hex'),
    signature_scheme: 'hmac-sha256',
    kernel_name: context.kernelSpec.name,
    ...(curve === undefined ? {} : { curve_publickey: curve.publicKey, curve_secretkey: curve.secretKey }),
  };
}

/** Whether another program listens on one of the ports. Ask when the kernel has ended. */
export async function isAnyPortTaken(info: ConnectionInfo): Promise<boolean> {
  if (info.transport === 'ipc') return false;
  const ports = [info.shell_port, info.iopub_port, info.stdin_port, info.control_port, info.hb_port];
  const taken = await Promise.all(ports.map((port) => isTaken(info.ip, port)));
  return taken.includes(true);
}

type Place = Pick<
  ConnectionInfo,
  'transport' | 'ip' | 'shell_port' | 'iopub_port' | 'stdin_port' | 'control_port' | 'hb_port'
>;

async function tcpPorts({ config, signal }: LocalConnectionOptions): Promise<Place> {
  const ip = '127.0.0.1';
  const range = parsePortRange(config.port_range, { minSize: config.min_port_range_size });
  const [shell_port = 0, iopub_port = 0, stdin_port = 0, control_port = 0, hb_port = 0] = await reservePorts({
    count: 5,
    host: ip,
    range,
    signal,
  });
  return { transport: 'tcp', ip, shell_port, iopub_port, stdin_port, control_port, hb_port };
}

function socketPaths(files: KernelFiles): Place {
  const ip = join(files.runDir, 'ipc');
  if (Buffer.byteLength(`${ip}-1`) > LONGEST_SOCKET_PATH) {
    throw new KernelFailureError(
      'LAUNCH_FAILED',
      `the path ${ip}-1 is too long for a unix socket (${String(LONGEST_SOCKET_PATH)} bytes): use a shorter runtime folder, or transport tcp`,
    );
  }
  return { transport: 'ipc', ip, shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5 };
}

async function isTaken(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    return false;
  } catch {
    return true;
  } finally {
    server.close();
  }
}
