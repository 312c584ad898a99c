import { afterAll, expect, jest, test } from '@jest/globals';
import type { LaunchedKernel } from '@gateway-provisioners/core';
import { SshBench } from './testing/ssh-bench.ts';
import { commPort, ourProcesses, running, ssh, testbed, until } from './testing/ssh-testbed.ts';

const { host1, host2, natHost } = testbed;
const ALICE = { KERNEL_USERNAME: 'gpalice' };
const settings = { remote_hosts: [host1], impersonation_enabled: true };

/** Files of kernels, by the home that they are in. */
async function kernelFolders(): Promise<readonly string[]> {
  const text = await ssh('in', '1', 'sh', '-c', 'ls -d /home/*/.gateway-provisioners/run/*/*kernel-* || :');
  return text.split('\n').filter((line) => line !== '');
}

async function evaluate(bench: SshBench, kernel: LaunchedKernel, code: string): Promise<string> {
  return (await (await bench.connect(kernel)).execute(code)).output.trim();
}

jest.setTimeout(300_000);
afterAll(async () => {
  await until('nothing left on host 1', async () => (await ourProcesses('1')).length === 0);
  expect(await kernelFolders()).toEqual([]);
});

test('a kernel runs as KERNEL_USERNAME, in that home; what it is given shows in no ps; all of its group is ended', async () => {
  await using bench = await SshBench.open(settings);
  const secret = 's3cret\'$(id)"';
  const env = { ...ALICE, TOKEN: secret, EG_IMPERSONATION_ENABLED: 'True' };
  const kernel = await bench.launch({ env });
  const code = `
import getpass, json, os, subprocess
subprocess.Popen(['sleep', '4242'])
subprocess.Popen(['sleep', '4243'], start_new_session=True)
print(json.dumps([getpass.getuser(), os.getcwd(), os.environ['HOME'], os.environ['USER'], os.environ['TOKEN'],
  os.environ['EG_IMPERSONATION_ENABLED']]))`;
  expect(JSON.parse(await evaluate(bench, kernel, code))).toEqual([
    ...['gpalice', '/home/gpalice', '/home/gpalice', 'gpalice'],
    ...[secret, 'False'],
  ]);
  const { key } = kernel.connection.current.info;
  const processes = await ssh('ps', '1');
  expect(processes).toMatch(/gpalice .*launch_ipykernel\.py/);
  expect(processes).not.toContain('s3cret');
  expect(processes).not.toContain(key);
  const folders = await kernelFolders();
  expect(folders.map((folder) => folder.split('/')[2])).toEqual(['gp', 'gpalice']);
  await kernel.kill();
  expect(await running('1')).not.toMatch(/sleep 424|gpalice/);
  expect(await kernelFolders()).toEqual([]);
});

test('signals reach it through sudo where its launcher cannot be asked, and its end is noticed', async () => {
  await using bench = await SshBench.open(settings);
  const kernel = await bench.launch({ env: ALICE });
  const client = await bench.connect(kernel);
  await client.execute('kept = 41');
  const port = String(commPort(kernel));
  await ssh('in', '1', 'iptables', '-I', 'INPUT', '-p', 'tcp', '--dport', port, '-j', 'REJECT');
  try {
    const { reply } = await client.begin('print("begun", flush=True)\nimport time; time.sleep(600)', {
      timeoutMs: 60_000,
    });
    await kernel.interrupt();
    expect((await reply).content['status']).toBe('error');
    expect((await client.execute('print(kept + 1)')).output).toBe('42\n');
    expect(await kernel.liveness()).toBe('alive');
  } finally {
    await ssh('in', '1', 'iptables', '-D', 'INPUT', '-p', 'tcp', '--dport', port, '-j', 'REJECT');
  }
  await ssh('in', '1', 'pkill', '-KILL', '-u', 'gpalice');
  expect((await kernel.exited).reason).toMatch(/gone|signalled/);
});

test('a gateway that vanished: the next one finds the kernels of all users, attaches to them and removes them', async () => {
  await using bench = await SshBench.open(settings);
  const kernels = await Promise.all(
    ['gpalice', 'gpbob'].map(async (user) => await bench.launch({ env: { KERNEL_USERNAME: user } })),
  );
  for (const kernel of kernels) await evaluate(bench, kernel, 'kept = 41');
  const next = await bench.restarted();
  const { resources } = await next.list();
  expect(resources).toHaveLength(2);
  for (const [index, kernel] of kernels.entries()) {
    const attached = await next.attach(kernel.state);
    const code = 'import getpass; print(getpass.getuser(), kept + 1)';
    expect(await evaluate(bench, attached!, code)).toBe(`${index === 0 ? 'gpalice' : 'gpbob'} 42`);
  }
  for (const resource of resources) await next.reap(resource);
  expect((await next.list()).resources).toEqual([]);
  expect(await next.attach(kernels[0]!.state)).toBeUndefined();
  expect(await kernelFolders()).toEqual([]);
});

test.each([
  ['gpcarol', /sudo does not run \/bin\/sh as that user without a password[\s\S]*sudo: a password is required/],
  ['nosuchuser', /there is no such user/],
  // sudo would allow it.
  ['gptoor', /that user is the superuser/],
])('as %s nothing is started, and the error says why', async (user, message) => {
  await using bench = await SshBench.open(settings);
  await expect(bench.launch({ env: { KERNEL_USERNAME: user } })).rejects.toMatchObject({
    code: 'IMPERSONATION_REFUSED',
    message: expect.stringMatching(message),
  });
  expect(await kernelFolders()).toEqual([]);
  expect(await bench.provisioner.list()).toEqual({ resources: [], unreachable: [] });
});

test('a host that does not know the user is passed over', async () => {
  const without = 'cp /etc/sudoers /tmp/sudoers && sed s/,gpbob// /tmp/sudoers >/etc/sudoers';
  await ssh('in', '1', 'sh', '-c', without);
  try {
    await using bench = await SshBench.open({ ...settings, remote_hosts: [host1, host2] });
    const kernel = await bench.launch({ env: { KERNEL_USERNAME: 'gpbob' } });
    expect(await evaluate(bench, kernel, 'import socket; print(socket.gethostname())')).toBe('gp-ssh-2');
  } finally {
    await ssh('in', '1', 'sh', '-c', 'cat /tmp/sudoers >/etc/sudoers');
  }
});

test('names that are none are refused before a host is asked', async () => {
  await using bench = await SshBench.open({ ...settings, remote_hosts: [`${natHost}:1`] });
  for (const user of ['-u', '$(id)', '#0', 'a b']) {
    await expect(bench.launch({ env: { KERNEL_USERNAME: user } })).rejects.toMatchObject({ code: 'INVALID_ENV' });
  }
});
