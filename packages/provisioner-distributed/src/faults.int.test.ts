import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { delay, isProvisionerError } from '@gateway-provisioners/core';
import type { LaunchedKernel } from '@gateway-provisioners/core';
import { launchersDir } from '@gateway-provisioners/launchers';
import { SshBench } from './testing/ssh-bench.ts';
import { commPort, ourProcesses, pythonSpec, ssh, testbed, until } from './testing/ssh-testbed.ts';

const { host1, host2, islandHost, natHost } = testbed;

/** Connections that sshd has established for a user. */
async function established(host: string, user = 'gp'): Promise<number> {
  return (await ssh('ps', host)).split('\n').filter((line) => line.includes(`sshd: ${user}@notty`)).length;
}

async function hostNameOf(bench: SshBench, kernel: LaunchedKernel): Promise<string> {
  const client = await bench.connect(kernel);
  return (await client.execute('import socket; print(socket.gethostname())')).output.trim();
}

afterAll(async () => {
  for (const host of ['1', '2', 'nat', 'island']) {
    await until(`nothing left on host ${host}`, async () => (await ourProcesses(host)).length === 0);
  }
});

describe('where kernels run', () => {
  test('a host that cannot be reached is passed over, and left aside for the next launch', async () => {
    await using bench = await SshBench.open({ remote_hosts: ['10.213.0.99', host2], connect_timeout_ms: 5000 });
    expect(await hostNameOf(bench, await bench.launch())).toBe('gp-ssh-2');
    const before = Date.now();
    await bench.launch();
    await bench.launch();
    expect(Date.now() - before).toBeLessThan(30_000);
  });

  test('hosts that refuse us or show another key are passed over too', async () => {
    await using bench = await SshBench.open({ remote_hosts: [`gpnologin@${host1}`, host2] });
    expect(await hostNameOf(bench, await bench.launch())).toBe('gp-ssh-2');
  });

  test('when no host can be reached, the error names each with its reason', async () => {
    const config = { remote_hosts: [`${host1}:2222`, `${host2}:2222`], connect_timeout_ms: 2000 };
    await using bench = await SshBench.open(config);
    await expect(bench.launch()).rejects.toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringMatching(/10\.213\.0\.11:2222: .*ECONNREFUSED[\s\S]*10\.213\.0\.12:2222: .*ECONNREFUSED/),
    });
  });

  test('KERNEL_REMOTE_HOST chooses within the list, and never beyond it', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1, host2] });
    for (const [host, name] of [
      [host2, 'gp-ssh-2'],
      [host2, 'gp-ssh-2'],
      [host1, 'gp-ssh-1'],
    ] as const) {
      const kernel = await bench.launch({ env: { KERNEL_REMOTE_HOST: host } });
      expect(await hostNameOf(bench, kernel)).toBe(name);
    }
    await expect(bench.launch({ env: { KERNEL_REMOTE_HOST: natHost } })).rejects.toMatchObject({ code: 'INVALID_ENV' });
  });

  test.each(['least-connection'])('30 launches at once, %s: each of 2 hosts gets half', async (algorithm) => {
    await using bench = await SshBench.open({ remote_hosts: [host1, host2], load_balancing_algorithm: algorithm });
    const before = performance.now();
    const launches = Array.from({ length: 30 }, async () => {
      const kernel = await bench.launch({ deadline: Date.now() + 240_000 });
      return { kernel, seconds: (performance.now() - before) / 1000 };
    });
    const launched = await Promise.all(launches);
    const seconds = launched.map((one) => one.seconds).sort((a, b) => a - b);
    const at = (part: number): string =>
      (seconds[Math.max(0, Math.ceil(part * seconds.length) - 1)] ?? Number.NaN).toFixed(1);
    process.stderr.write(`30 launches, ${algorithm}: first ${at(0)}, half ${at(0.5)}, last ${at(1)} s\n`);
    const addresses = launched.map(({ kernel }) => kernel.connection.current.info.ip);
    expect(addresses.filter((address) => address === host1)).toHaveLength(15);
    expect(addresses.filter((address) => address === host2)).toHaveLength(15);
    expect(await established('1')).toBe(1);
    expect(await established('2')).toBe(1);
  });

  test('no more kernels than a host may run; none on drained hosts', async () => {
    await using bench = await SshBench.open({
      remote_hosts: [host1, host2],
      drained_hosts: [host1],
      max_kernels_per_host: 1,
      load_balancing_algorithm: 'least-load',
    });
    const kernel = await bench.launch();
    expect(await hostNameOf(bench, kernel)).toBe('gp-ssh-2');
    await expect(bench.launch()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await kernel.kill();
    await (await bench.launch()).kill();
  });
});

describe('launches that cannot succeed say why', () => {
  test('no ipykernel there', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    const argv = ['/usr/bin/python3', '-I', ...pythonSpec.argv.slice(1)];
    const launch = bench.launch({ kernelSpec: { ...pythonSpec, argv } });
    await expect(launch).rejects.toMatchObject({ code: 'LAUNCH_FAILED', message: expect.stringMatching(/ipykernel/) });
  });

  test('a program that is not there', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    const kernelSpec = { ...pythonSpec, argv: ['no-such-program', '{kernel_id}'] };
    await expect(bench.launch({ kernelSpec })).rejects.toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringMatching(/127[\s\S]*no-such-program/),
    });
  });

  test('no room on the host', async () => {
    await ssh(
      'in',
      '1',
      'sh',
      '-c',
      'mkdir -p /home/gp/full && mount -t tmpfs -o size=4k,uid=2100,mode=700 full /home/gp/full && head -c 4096 /dev/zero >/home/gp/full/x',
    );
    try {
      await using bench = await SshBench.open({ remote_hosts: [host1], remote_dir: '/home/gp/full' });
      await expect(bench.launch()).rejects.toMatchObject({
        code: expect.stringMatching(/HOST_COMMAND_FAILED|LAUNCH_FAILED/),
        message: expect.stringMatching(/\/home\/gp\/full/),
      });
    } finally {
      await ssh('in', '1', 'sh', '-c', 'umount /home/gp/full; rmdir /home/gp/full');
    }
  });

  test('an account without a shell, with what it says', async () => {
    await using bench = await SshBench.open({ remote_hosts: [`gpnologin@${host1}`] });
    await expect(bench.launch()).rejects.toMatchObject({
      code: 'HOST_COMMAND_FAILED',
      message: expect.stringContaining('This account is currently not available'),
    });
  });

  test('a server that forbids tunnels', async () => {
    await using bench = await SshBench.open({ remote_hosts: [`gpnofwd@${host1}`], tunneling: true });
    await expect(bench.launch()).rejects.toMatchObject({ code: 'FORWARDING_REFUSED' });
  });

  test('no free port in the range', async () => {
    const range = [30_000, 30_999] as const;
    // Ports that somebody else has are taken as well.
    const take = `
import socket
held = []
for port in range(${String(range[0])}, ${String(range[1] + 1)}):
    held.append(socket.socket())
    try:
        held[-1].bind(('', port))
        held[-1].listen()
    except OSError:
        pass
`;
    await using holder = await SshBench.open({ remote_hosts: [host1] });
    const client = await holder.connect(await holder.launch());
    expect((await client.execute(take)).content['status']).toBe('ok');
    await using bench = await SshBench.open({ remote_hosts: [host1], port_range: range.join('..') });
    await expect(bench.launch()).rejects.toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringMatching(/port[\s\S]*30000/i),
    });
  });

  test('a kernelspec without a launcher', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    const argv = ['python', '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
    await expect(bench.launch({ kernelSpec: { ...pythonSpec, argv } })).rejects.toThrow(/launcher/);
  });
});

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

describe.each([
  ['directly', host1, '1', {}],
  ['through a tunnel', islandHost, 'island', { tunneling: true }],
] as const)('faults of the network, %s', (...[, host, name, config]) => {
  const settings = { remote_hosts: [host], ...config };

  test('20 kernels share one connection', async () => {
    await using bench = await SshBench.open(settings);
    const kernels = await Promise.all(Array.from({ length: 20 }, async () => await bench.launch()));
    const clients = await Promise.all(kernels.map(async (kernel) => await bench.connect(kernel)));
    const outputs = await Promise.all(clients.map(async (client) => (await client.execute('print(1 + 1)')).output));
    expect(new Set(outputs)).toEqual(new Set(['2\n']));
    expect(await established(name)).toBe(1);
  });

  test('a link that is down for 20 s in the middle of output: the connection holds and nothing is lost', async () => {
    await using bench = await SshBench.open(settings);
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    const running = client.execute('import time\nfor n in range(300): print(n); time.sleep(0.1)', {
      timeoutMs: 180_000,
    });
    await delay(1_000);
    await ssh('cut', name);
    await delay(20_000);
    await ssh('heal', name);
    const numbers = (await running).output.trim().split('\n').map(Number);
    expect(numbers).toEqual(Array.from({ length: 300 }, (_, index) => index));
    expect(await kernel.liveness()).toBe('alive');
  });

  test('a connection that is lost is made anew; the kernel and its state outlive it', async () => {
    await using bench = await SshBench.open({
      ...settings,
      keepalive_interval_ms: 500,
      keepalive_count_max: 2,
      connect_timeout_ms: 3000,
    });
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    await client.execute('kept = 41');
    await ssh('loss', name, '100');
    try {
      await until('the kernel is unreachable', async () => (await kernel.liveness()) === 'unreachable');
    } finally {
      await ssh('loss', name, '0');
    }
    await until('the kernel is alive again', async () => (await kernel.liveness()) === 'alive');
    const again = await bench.connect(kernel);
    expect((await again.execute('print(kept + 1)')).output).toBe('42\n');
    const outcome = await Promise.race([kernel.exited, delay(100).then(() => 'running')]);
    expect(outcome).toBe('running');
  });

  test('a server that ends all connections, and one that is restarted', async () => {
    await using bench = await SshBench.open(settings);
    const kernel = await bench.launch();
    await (await bench.connect(kernel)).execute('kept = 41');
    await ssh('sshd-stop', name);
    await ssh('drop-sessions', name);
    await delay(500);
    await ssh('sshd-start', name);
    await until('the kernel is alive again', async () => (await kernel.liveness()) === 'alive');
    expect((await (await bench.connect(kernel)).execute('print(kept + 1)')).output).toBe('42\n');
    await kernel.signal(9);
    expect((await kernel.exited).reason).toMatch(/killed|signalled/);
  });

  test('a gateway that vanished: the next one attaches to its kernels, or removes them', async () => {
    await using bench = await SshBench.open(settings);
    const kernel = await bench.launch();
    await (await bench.connect(kernel)).execute('kept = 41');
    const next = await bench.restarted();
    const { resources, unreachable } = await next.list();
    expect(unreachable).toEqual([]);
    expect(resources).toHaveLength(1);
    const attached = await next.attach(resources[0]!.state);
    expect((await (await bench.connect(attached!)).execute('print(kept + 1)')).output).toBe('42\n');
    await next.reap(resources[0]!);
    expect((await next.list()).resources).toEqual([]);
    expect(await next.attach(resources[0]!.state)).toBeUndefined();
  });
});

/** All hosts answer, and none has a kernel. */
async function hasNothing({ provisioner }: SshBench): Promise<boolean> {
  const { resources, unreachable } = await provisioner.list();
  return resources.length + unreachable.length === 0;
}

/** Has a host drop what comes in for these ports meanwhile. */
async function withoutPorts(host: string, ports: readonly number[], work: () => Promise<void>): Promise<void> {
  const rule = ['INPUT', '-p', 'tcp', '-m', 'multiport', '--dports', ports.join(','), '-j', 'DROP'];
  await ssh('in', host, 'iptables', '-I', ...rule);
  try {
    await work();
  } finally {
    await ssh('in', host, 'iptables', '-D', ...rule);
  }
}

describe('the grace period of hosts that give no sign of life', () => {
  const impatient = { keepalive_interval_ms: 500, keepalive_count_max: 2, connect_timeout_ms: 1000 };

  test('a host that vanished: its kernels are unreachable, then lost, and the reason says so', async () => {
    const config = { remote_hosts: [islandHost], tunneling: true, ...impatient, unreachable_grace_ms: 10_000 };
    await using bench = await SshBench.open(config);
    const kernel = await bench.launch();
    await ssh('loss', 'island', '100');
    const since = Date.now();
    try {
      await until('the kernel is unreachable', async () => (await kernel.liveness()) === 'unreachable');
      const exit = await kernel.exited;
      expect(exit).toMatchObject({
        reason: 'gone',
        detail: expect.stringMatching(/^lost: .*\(unreachable_grace_ms\)$/),
      });
      expect(Date.now() - since).toBeGreaterThan(4_000);
      expect(await kernel.liveness()).toBe('dead');
      // Whoever starts it again elsewhere need not wait.
      await kernel.kill();
      expect((await ourProcesses('island')).join()).toContain('launch_ipykernel');
    } finally {
      await ssh('loss', 'island', '0');
    }
    await until('what was left is removed when the host is back', async () => await hasNothing(bench));
    expect((await ourProcesses('island')).join()).not.toContain('launch_ipykernel');
  });

  test('behind a firewall that has closed the SSH port, a kernel lives as long as its heartbeat answers', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1], ...impatient, unreachable_grace_ms: 4_000 });
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    const ports = [22, commPort(kernel)];
    await withoutPorts('1', ports, async () => {
      const endsAt = Date.now() + 9_000;
      while (Date.now() < endsAt) {
        expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
        expect(await kernel.liveness()).toBe('alive');
        expect(await Promise.race([kernel.exited, delay(500).then(() => 'running')])).toBe('running');
      }
    });
    await withoutPorts('1', [...ports, kernel.connection.current.info.hb_port], async () => {
      expect((await kernel.exited).detail).toContain('unreachable_grace_ms');
    });
    await kernel.kill();
    await until('it is removed', async () => await hasNothing(bench));
  });
});

describe('a host that is switched off', () => {
  test('its kernels are unreachable, and known to be gone when it is back', async () => {
    await using bench = await SshBench.open({
      remote_hosts: [natHost],
      tunneling: true,
      keepalive_interval_ms: 500,
      keepalive_count_max: 2,
      connect_timeout_ms: 2000,
    });
    const kernel = await bench.launch();
    await ssh('power-off', 'nat');
    try {
      await until('the kernel is unreachable', async () => (await kernel.liveness()) === 'unreachable');
      expect(await Promise.race([kernel.exited, delay(1_000).then(() => 'running')])).toBe('running');
      const listing = await bench.provisioner.list();
      expect(listing).toEqual({ resources: [], unreachable: [natHost] });
      const failure: unknown = await bench.launch().catch((error: unknown) => error);
      expect(isProvisionerError(failure, 'HOST_UNREACHABLE')).toBe(true);
    } finally {
      await ssh('boot', 'nat');
    }
    const { reason } = await kernel.exited;
    expect(reason).toBe('gone');
    await kernel.kill();
    expect(await bench.provisioner.list()).toEqual({ resources: [], unreachable: [] });
  });
});
