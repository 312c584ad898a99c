import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { launchersDir } from '@gateway-provisioners/launchers';
import { SshBench } from './testing/ssh-bench.ts';
import { nothingIsLeft, oneConnection, pythonSpec, ssh, testbed } from './testing/ssh-testbed.ts';

const { host1 } = testbed;

afterAll(nothingIsLeft);

describe('accounts and values', () => {
  test('what the kernelspec brings along is copied to the host, with its wrapper script', async () => {
    const resourceDir = await mkdtemp(join(tmpdir(), 'gp-spec-'));
    try {
      await cp(join(launchersDir, 'python', 'scripts'), join(resourceDir, 'scripts'), { recursive: true });
      await mkdir(join(resourceDir, 'bin'));
      const wrapper = `#!/bin/sh\nexec ${testbed.python} "$(dirname "$0")/../scripts/launch_ipykernel.py" "$@"\n`;
      await writeFile(join(resourceDir, 'bin', 'run.sh'), wrapper, { mode: 0o755 });
      await using bench = await SshBench.open({ remote_hosts: [host1], staging: 'always' });
      const argv = ['{resource_dir}/bin/run.sh', ...pythonSpec.argv.slice(2)];
      const client = await bench.connect(await bench.launch({ kernelSpec: { ...pythonSpec, argv, resourceDir } }));
      expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
      expect(await ssh('ps', '1')).toMatch(/\/home\/gp\/\.gateway-provisioners\/launchers\/[0-9a-f]+\/bin\/run\.sh/);
    } finally {
      await rm(resourceDir, { recursive: true });
    }
  });

  test.each(['gpnoisy', 'gpdash'])('a kernel of %s, whose shell or profile is unusual', async (user) => {
    await using bench = await SshBench.open({ remote_hosts: [`${user}@${host1}`] });
    const client = await bench.connect(await bench.launch());
    expect((await client.execute('import getpass; print(getpass.getuser())')).output.trim()).toBe(user);
  });

  test('kernels of an account whose server allows it three sessions on a connection', async () => {
    await using bench = await SshBench.open({ remote_hosts: [`gpfew@${host1}`] });
    const kernels = await Promise.all(Array.from({ length: 4 }, async () => await bench.launch()));
    for (const kernel of kernels) expect(await bench.hostNameOf(kernel)).toBe('gp-ssh-1');
    await oneConnection('1', 'gpfew');
    for (const kernel of kernels) await kernel.kill();
    expect(await bench.provisioner.list()).toEqual({ resources: [], unreachable: [] });
  });

  test.each([
    '$(touch /tmp/pwned)',
    '`touch /tmp/pwned`',
    "'; touch /tmp/pwned; '",
    '"; touch /tmp/pwned; "',
    '\n touch /tmp/pwned\n',
    '{{ cycler.__init__.__globals__.os.popen("touch /tmp/pwned") }}',
    '${IFS}&touch${IFS}/tmp/pwned',
    "\\'; touch /tmp/pwned #",
    '*?[a]~ü\u{1F600}\t!',
  ])('%j as user name and value is data', async (value) => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    const env = { KERNEL_USERNAME: value, KERNEL_EXTRA: value, OTHER: `${value}\n${value}` };
    const client = await bench.connect(await bench.launch({ env, cwd: `/tmp/${value.replaceAll('/', '')}` }));
    const code =
      'import os, json; print(json.dumps([os.environ[n] for n in ("KERNEL_USERNAME", "KERNEL_EXTRA", "OTHER")]))';
    expect(JSON.parse((await client.execute(code)).output)).toEqual(Object.values(env));
    expect(await ssh('in', '1', 'sh', '-c', 'ls /tmp')).not.toContain('pwned');
  });

  test('a variable that no shell can pass on is refused by name', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    const env = { 'A; touch /tmp/pwned;': 'x' };
    await expect(bench.launch({ env })).rejects.toMatchObject({ code: 'INVALID_ENV' });
  });
});
