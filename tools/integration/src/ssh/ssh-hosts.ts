import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { MortalGateway } from '../robustness/mortal-gateway.ts';
import { requiredFile, workspaceFolder } from '../support/test-environment.ts';

const run = promisify(execFile);
const script = join(workspaceFolder, 'tools', 'testbeds', 'ssh.sh');

/** A variable of tools/testbeds/ssh.sh. */
export function sshVariable(name: string): string {
  const value = process.env[name];
  if (value !== undefined) return value;
  throw new Error(`${name} is not set: run  eval "$(tools/testbeds/ssh.sh env)"  first`);
}

/** Runs a command of ssh.sh: `ps 1`, `in 1 COMMAND`. */
export async function ssh(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(script, args);
  return stdout;
}

/** Folders of kernels on a host. */
export async function kernelsOn(host: string): Promise<readonly string[]> {
  const text = await ssh('in', host, 'sh', '-c', 'ls /home/gp/.gateway-provisioners/run/* 2>/dev/null || :');
  return text.split('\n').filter((line) => line.startsWith('kernel-'));
}

/** Processes of user gp on a host, without those of the SSH server. */
export async function processesOn(host: string): Promise<readonly string[]> {
  return (await ssh('ps', host)).split('\n').filter((line) => /\sgp\s/.test(line) && !line.includes('sshd'));
}

/** What a gateway needs to log in to the hosts, and to be called by what runs there. */
export function sshGatewayEnv(): Record<string, string> {
  return {
    GP_REMOTE_USER: 'gp',
    GP_SSH_KEY_PATH: sshVariable('GP_SSH_KEY'),
    GP_SSH_KNOWN_HOSTS: sshVariable('GP_SSH_KNOWN_HOSTS'),
    GP_RESPONSE_IP: sshVariable('GP_SSH_GATEWAY_IP'),
    GP_RESPONSE_PORT: '0',
  };
}

/** A Jupyter folder with `python3` on these hosts, and the variables that a gateway needs for it. */
export async function sshKernelSpec(
  hosts: readonly string[],
  config: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly env: Record<string, string> } & AsyncDisposable> {
  const data = await mkdtemp(join(tmpdir(), 'gp-ssh-spec-'));
  const folder = join(data, 'kernels', 'python3');
  await mkdir(folder, { recursive: true });
  const python = requiredFile({ variable: 'GP_SSH_PYTHON', script: 'tools/testbeds/ssh.sh' });
  const kernelJson = {
    display_name: 'Python 3 (ipykernel)',
    language: 'python',
    argv: [
      ...[python, '/usr/local/share/jupyter/kernels/python3/scripts/launch_ipykernel.py'],
      ...['--kernel-id', '{kernel_id}', '--port-range', '{port_range}', '--response-address', '{response_address}'],
      ...['--public-key', '{public_key}', '--transport-encryption', '{transport_encryption}'],
    ],
    metadata: {
      debugger: true,
      supported_encryption: ['curve'],
      kernel_provisioner: {
        provisioner_name: 'distributed-provisioner',
        config: { remote_hosts: hosts, ssh_config: 'none', ...config },
      },
    },
  };
  await writeFile(join(folder, 'kernel.json'), JSON.stringify(kernelJson));
  return {
    env: { ...sshGatewayEnv(), JUPYTER_PATH: data },
    [Symbol.asyncDispose]: async () => {
      await rm(data, { recursive: true });
    },
  };
}

/** Starts a kernel; its id. */
export async function startKernel(gateway: MortalGateway, name: string): Promise<string> {
  const response = await gateway.request('api/kernels', { method: 'POST', body: JSON.stringify({ name }) });
  const body = (await response.json()) as { readonly id?: string };
  if (response.status !== 201 || body.id === undefined) {
    throw new Error(`the kernel was not started: ${response.status} ${JSON.stringify(body)}\n${gateway.log()}`);
  }
  return body.id;
}
