import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResourceStack, reservePorts } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import { writeConnectionFile } from '../connection-file.ts';
import { loadZeromq } from '../zeromq/library.ts';

export interface PythonKernelOptions {
  /** Default `tcp`. */
  readonly transport?: 'tcp' | 'ipc' | undefined;
  /** Give it CurveZMQ keys, as jupyter_client does. Default false. */
  readonly curve?: boolean | undefined;
}

/** A real ipykernel, for integration tests. */
export class PythonKernel implements AsyncDisposable {
  readonly connection: ConnectionInfo;
  readonly #stack: ResourceStack;

  private constructor(connection: ConnectionInfo, stack: ResourceStack) {
    this.connection = connection;
    this.#stack = stack;
  }

  static async start(options: PythonKernelOptions = {}): Promise<PythonKernel> {
    const python = process.env['GP_TEST_PYTHON'];
    if (python === undefined) {
      throw new Error('set GP_TEST_PYTHON to a Python with ipykernel: eval "$(tools/testbeds/python.sh env)"');
    }
    await using stack = new ResourceStack();
    const folder = await mkdtemp(join(tmpdir(), 'gp-kernel-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const connection = await makeConnection(folder, options);
    const file = join(folder, 'connection.json');
    await writeConnectionFile(file, connection);
    const child = spawn(python, ['-m', 'ipykernel_launcher', '-f', file], { cwd: folder, stdio: 'ignore' });
    stack.defer(() => end(child));
    await once(child, 'spawn');
    return new PythonKernel(connection, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function makeConnection(folder: string, options: PythonKernelOptions): Promise<ConnectionInfo> {
  const isIpc = options.transport === 'ipc';
  const [shell = 1, iopub = 2, stdin = 3, control = 4, hb = 5] = isIpc
    ? []
    : await reservePorts({ count: 5, host: '127.0.0.1' });
  const pair = options.curve === true ? (await loadZeromq()).curveKeyPair() : undefined;
  return {
    transport: isIpc ? 'ipc' : 'tcp',
    ip: isIpc ? join(folder, 'socket') : '127.0.0.1',
    shell_port: shell,
    iopub_port: iopub,
    stdin_port: stdin,
    control_port: control,
    hb_port: hb,
    key: randomUUID(),
    signature_scheme: 'hmac-sha256',
    kernel_name: 'python3',
    ...(pair === undefined ? {} : { curve_publickey: pair.publicKey, curve_secretkey: pair.secretKey }),
  };
}
