import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';

/** A kernel started with nothing in between: what every server is compared with. */
export interface RawKernel extends AsyncDisposable {
  readonly pid: number;
  readonly connectionFile: string;
}

export interface RawKernelOptions {
  readonly argv: readonly string[];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

let started = 0;

/** Writes a connection file; returns it and the command that starts a kernel with it. */
export async function prepareRawKernel(
  options: Pick<RawKernelOptions, 'argv' | 'folder'>,
): Promise<{ readonly connectionFile: string; readonly command: readonly string[] }> {
  started += 1;
  const connectionFile = join(options.folder, `raw-${started}.json`);
  const [shell, iopub, stdin, control, hb] = await freePorts(5);
  await writeFile(
    connectionFile,
    JSON.stringify({
      transport: 'tcp',
      ip: '127.0.0.1',
      key: 'benchmark-key',
      signature_scheme: 'hmac-sha256',
      shell_port: shell,
      iopub_port: iopub,
      stdin_port: stdin,
      control_port: control,
      hb_port: hb,
    }),
    { mode: 0o600 },
  );
  return { connectionFile, command: options.argv.map((part) => part.replace('{connection_file}', connectionFile)) };
}

export async function startRawKernel(options: RawKernelOptions): Promise<RawKernel> {
  const { connectionFile, command } = await prepareRawKernel(options);
  const [program = '', ...args] = command;
  // A session of its own, as the kernels of servers have: Linux shares the processors out by session.
  const child = spawn(program, args, { env: options.env, stdio: 'ignore', detached: true });
  return {
    pid: child.pid ?? 0,
    connectionFile,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
