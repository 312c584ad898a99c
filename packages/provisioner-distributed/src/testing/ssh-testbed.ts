import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { KernelSpec, LaunchedKernel } from '@gateway-provisioners/core';
import { parseRemoteState } from '@gateway-provisioners/core/remote';
import { until as untilTrue } from '@gateway-provisioners/core/testing';

const script = fileURLToPath(new URL('../../../../tools/testbeds/ssh.sh', import.meta.url));
const run = promisify(execFile);

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: eval "$(tools/testbeds/ssh.sh env)"`);
  return value;
}

const [host1 = '', host2 = ''] = variable('GP_SSH_HOSTS').split(' ');

/** The hosts of tools/testbeds/ssh.sh. */
export const testbed = {
  host1,
  host2,
  natHost: variable('GP_SSH_NAT_HOST'),
  islandHost: variable('GP_SSH_ISLAND_HOST'),
  innerHost: variable('GP_SSH_INNER_HOST'),
  gatewayIp: variable('GP_SSH_GATEWAY_IP'),
  python: variable('GP_SSH_PYTHON'),
  barePython: variable('GP_SSH_BARE_PYTHON'),
  key: variable('GP_SSH_KEY'),
  keyRsa: variable('GP_SSH_KEY_RSA'),
  keyEcdsa: variable('GP_SSH_KEY_ECDSA'),
  keyLocked: variable('GP_SSH_KEY_LOCKED'),
  keyPassphrase: variable('GP_SSH_KEY_PASSPHRASE'),
  keyUnknown: variable('GP_SSH_KEY_UNKNOWN'),
  passwordUser: variable('GP_SSH_PASSWORD_USER'),
  password: variable('GP_SSH_PASSWORD'),
  knownHosts: variable('GP_SSH_KNOWN_HOSTS'),
  knownHostsWrong: variable('GP_SSH_KNOWN_HOSTS_WRONG'),
};

/** Runs a command of ssh.sh: `cut 1`, `in 1 COMMAND`. */
export async function ssh(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(script, args, { maxBuffer: 16 * 1024 * 1024 });
  return stdout;
}

/** Settings for user gp with the usual key. */
export const baseConfig = {
  remote_user: 'gp',
  ssh_key_path: testbed.key,
  ssh_known_hosts: testbed.knownHosts,
  ssh_config: 'none',
} as const;

/** ipykernel, started by our launcher, which is copied to the host. */
export const pythonSpec: KernelSpec = {
  name: 'ssh_python',
  displayName: 'Python SSH',
  language: 'python',
  argv: [
    testbed.python,
    '/usr/local/share/jupyter/kernels/ssh_python/scripts/launch_ipykernel.py',
    '--kernel-id',
    '{kernel_id}',
    '--port-range',
    '{port_range}',
    '--response-address',
    '{response_address}',
    '--public-key',
    '{public_key}',
    '--transport-encryption',
    '{transport_encryption}',
  ],
  env: {},
  interruptMode: 'signal',
  metadata: { supported_encryption: ['curve'], debugger: true },
  extra: {},
  provisioner: { provisionerName: 'distributed-provisioner', config: {} },
};

/** Where the launcher's own listener is. */
export function commPort({ state }: LaunchedKernel): number {
  const { comm } = parseRemoteState(state);
  if (comm === undefined) throw new Error('the launcher has no listener');
  return comm.port;
}

/** Processes of a host that are a kernel's or ours: their command lines. */
export async function ourProcesses(host: string): Promise<readonly string[]> {
  const lines = (await ssh('ps', host)).split('\n').slice(1);
  return lines.filter((line) => /\sgp\w*\s/.test(line) && !/sshd|ps -eo/.test(line));
}

/** Waits until `check` holds; fails after two minutes. */
export async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  await untilTrue(what, check, { timeoutMs: 120_000, everyMs: 100 });
}

/**
 * Waits until sshd has one connection of a user, no more: one that has just been closed, and one that is starting a
 * program, count for a moment longer; one too many would stay.
 */
export async function oneConnection(host: string, user = 'gp'): Promise<void> {
  await until(`one connection to host ${host}`, async () => {
    const lines = (await ssh('ps', host)).split('\n');
    return lines.filter((line) => line.includes(`sshd: ${user}@notty`)).length === 1;
  });
}

/** What runs on a host: lines of `ps`, without processes that have ended and wait for their parent to take note. */
export async function running(host: string): Promise<string> {
  const lines = (await ssh('ps', host)).split('\n');
  return lines.filter((line) => !/^\s*\d+\s+\d+\s+\S+\s+Z/.test(line)).join('\n');
}

/** To be asked when a file of tests is done: no host has a process of a kernel any more. */
export async function nothingIsLeft(): Promise<void> {
  for (const host of ['1', '2', 'nat', 'island']) {
    await until(`nothing left on host ${host}`, async () => (await ourProcesses(host)).length === 0);
  }
}
