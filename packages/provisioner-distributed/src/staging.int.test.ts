import { readFile, readdir } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import type { KernelSpec, Logger } from '@gateway-provisioners/core';
import { launchersDir } from '@gateway-provisioners/launchers';
import type { Bundle } from './hosts/kernel-host.ts';
import { RemoteHost } from './hosts/remote-host.ts';
import { resolveTarget } from './ssh/resolve-target.ts';
import { SshPool } from './ssh/ssh-pool.ts';
import { SshBench } from './testing/ssh-bench.ts';
import { baseConfig, nothingIsLeft, ourProcesses, pythonSpec, ssh, testbed, until } from './testing/ssh-testbed.ts';

const { host1 } = testbed;
const [, , ...launcherOptions] = pythonSpec.argv;

afterAll(nothingIsLeft);

describe('launchers on a host', () => {
  test('that were put there beforehand are used where they are', async () => {
    const source = join(launchersDir, 'python', 'scripts');
    // As text: a host has a /tmp of its own, and this checkout may be in ours.
    for (const name of (await readdir(source)).filter((each) => each.endsWith('.py'))) {
      const text = (await readFile(join(source, name))).toString('base64');
      const write = `mkdir -p /tmp/k/scripts && echo '${text}' | base64 -d >/tmp/k/scripts/${name} && chmod -R a+rX /tmp/k`;
      await ssh('in', '1', 'sh', '-c', write);
    }
    await using bench = await SshBench.open({ remote_hosts: [host1], staging: 'never' });
    const argv = [testbed.python, '/tmp/k/scripts/launch_ipykernel.py', ...launcherOptions];
    const kernel = await bench.launch({ kernelSpec: { ...pythonSpec, argv } });
    expect(await bench.hostNameOf(kernel)).toBe('gp-ssh-1');
    expect((await ourProcesses('1')).join('\n')).toContain('/tmp/k/scripts/launch_ipykernel.py');
  });

  test('need no package for encryption beside ipykernel', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    const argv = [testbed.barePython, ...pythonSpec.argv.slice(1)];
    const client = await bench.connect(await bench.launch({ kernelSpec: { ...pythonSpec, argv } }));
    const code =
      'import importlib.util, sys; print(sys.prefix, [n for n in ("Crypto", "nacl") if importlib.util.find_spec(n)])';
    expect((await client.execute(code)).output).toMatch(/\/bare \[\]\n$/);
  });

  test('of R come with the listener that needs nothing of R', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    const argv = ['Rscript', '/opt/kernels/scripts/launch_IRkernel.R', ...launcherOptions.slice(0, -2)];
    const kernelSpec: KernelSpec = { ...pythonSpec, name: 'ssh_r', language: 'R', argv, metadata: {} };
    const client = await bench.connect(await bench.launch({ kernelSpec }));
    expect((await client.execute('cat(Sys.info()[["nodename"]])')).output).toBe('gp-ssh-1');
    expect((await ourProcesses('1')).join('\n')).toMatch(/launchers\/\w+\/python\/scripts\/server_listener\.py/);
  });
});

describe('copying a bundle', () => {
  const pools: SshPool[] = [];
  afterEach(async () => {
    for (const pool of pools.splice(0)) pool.dispose();
    await ssh('in', '1', 'sh', '-c', 'rm -rf /home/gp/upload /home/gpnoisy/upload');
  });

  /** A host, and what is logged about it. */
  function open(user: string): { readonly host: RemoteHost; readonly lines: string[] } {
    const lines: string[] = [];
    const take = (line: string): void => {
      lines.push(line);
    };
    const logger: Logger = { ...silentLogger, debug: take, warn: take };
    const pool = new SshPool({ clock: systemClock, logger: silentLogger });
    pools.push(pool);
    const options = { config: baseConfig, env: { HOME: '/nonexistent' }, lines: [] };
    const name = `${user}@${host1}`;
    const target = pool.hostFor(resolveTarget(name, options));
    return { host: new RemoteHost(name, target, { isTunnelled: false, clock: systemClock, logger }), lines };
  }

  const bundle = (files: number): Bundle => ({
    hash: randomUUID(),
    files: Array.from({ length: files }, (_, index) => ({
      path: `folder/${String(index)}`,
      content: Buffer.from(`content ${String(index)}`),
      isExecutable: false,
    })),
  });

  const found = async (user: string): Promise<readonly string[]> => {
    const text = await ssh('in', '1', 'sh', '-c', `ls /home/${user}/upload/launchers`);
    return text.split('\n').filter((line) => line !== '');
  };

  test.each([
    ['file transfer', 'gp', []],
    ['base64, where the profile spoils file transfer,', 'gpnoisy', ['file transfer failed; trying without']],
  ])('uses %s for %s', async (...[, user, logged]) => {
    await ssh(
      'in',
      '1',
      'sh',
      '-c',
      `mkdir -p /home/${user}/upload/launchers && chown -R ${user} /home/${user}/upload`,
    );
    const { host, lines } = open(user);
    const small = bundle(2);
    await host.upload(small, '~/upload', {});
    expect(await found(user)).toEqual([small.hash]);
    expect(await ssh('in', '1', 'cat', `/home/${user}/upload/launchers/${small.hash}/folder/1`)).toBe('content 1');
    expect(lines).toEqual(logged);
  });

  test('leaves nothing behind when it is aborted', async () => {
    await ssh('in', '1', 'sh', '-c', 'mkdir -p /home/gp/upload/launchers && chown -R gp /home/gp/upload');
    const { host, lines } = open('gp');
    const controller = new AbortController();
    const copying = host.upload(bundle(20_000), '~/upload', { signal: controller.signal });
    const failure = expect(copying).rejects.toMatchObject({ code: 'CANCELLED' });
    await until('the copy is under way', async () => (await found('gp')).length > 0);
    controller.abort();
    await failure;
    expect(await found('gp')).toEqual([]);
    expect(lines).toEqual([]);
  });
});
