import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { ResourceStack, delay, isProvisionerError } from '@gateway-provisioners/core';
import type { LaunchedKernel } from '@gateway-provisioners/core';
import { SshBench } from './testing/ssh-bench.ts';
import { commPort, nothingIsLeft, oneConnection, ourProcesses, ssh, testbed, until } from './testing/ssh-testbed.ts';

const { host1, host2, islandHost, natHost } = testbed;

jest.setTimeout(300_000);
afterAll(nothingIsLeft);

/** A silent host is soon noticed; a slow one has time enough to log in. */
const impatient = { keepalive_interval_ms: 1_000, keepalive_count_max: 2, connect_timeout_ms: 5_000 };

test('links that are down for 20 s in the middle of output: connections hold, and nothing is lost', async () => {
  // All at once: the time passes only once.
  const ways = [
    { what: 'directly', name: '1', settings: { remote_hosts: [host1] }, encryption: 'disabled' },
    { what: 'directly, with CurveZMQ', name: '2', settings: { remote_hosts: [host2] }, encryption: 'auto' },
    {
      what: 'through a tunnel',
      name: 'island',
      settings: { remote_hosts: [islandHost], tunneling: true },
      encryption: 'auto',
    },
  ] as const;
  const count = 500;
  await using stack = new ResourceStack();
  const kernels: { readonly what: string; readonly kernel: LaunchedKernel; readonly output: Promise<string> }[] = [];
  for (const { what, settings, encryption } of ways) {
    const bench = stack.use(await SshBench.open(settings));
    const kernel = await bench.launch({ transportEncryption: encryption });
    expect({ what, curve: kernel.connection.current.info.curve_publickey !== undefined }).toEqual({
      what,
      curve: what.includes('Curve'),
    });
    const client = await bench.connect(kernel);
    const cell = client.execute(`import time\nfor n in range(${String(count)}): print(n); time.sleep(0.1)`, {
      timeoutMs: 240_000,
    });
    const output = cell.then((result) => result.output);
    output.catch(() => undefined);
    kernels.push({ what, kernel, output });
  }
  // By now channels that carry nothing have been asked whether anybody is there.
  await delay(16_000);
  for (const { name } of ways) await ssh('cut', name);
  try {
    await delay(20_000);
  } finally {
    for (const { name } of ways) await ssh('heal', name);
  }
  for (const { what, kernel, output } of kernels) {
    const numbers = (await output).trim().split('\n').map(Number);
    expect({ what, numbers }).toEqual({ what, numbers: Array.from({ length: count }, (_, index) => index) });
    expect({ what, liveness: await kernel.liveness() }).toEqual({ what, liveness: 'alive' });
  }
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
    await oneConnection(name);
  });

  test('a connection that is lost is made anew; the kernel and its state outlive it', async () => {
    await using bench = await SshBench.open({ ...settings, ...impatient });
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
  test('a host that vanished: its kernels are unreachable, then lost, and the reason says so', async () => {
    const config = { remote_hosts: [islandHost], tunneling: true, ...impatient, unreachable_grace_ms: 20_000 };
    await using bench = await SshBench.open(config);
    const kernel = await bench.launch();
    await ssh('loss', 'island', '100');
    try {
      await until('the kernel is unreachable', async () => (await kernel.liveness()) === 'unreachable');
      const exit = await kernel.exited;
      expect(exit).toMatchObject({
        reason: 'gone',
        detail: expect.stringMatching(/^lost: .* for [2-9]\d s \(unreachable_grace_ms\)$/),
      });
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
    await using bench = await SshBench.open({ remote_hosts: [natHost], tunneling: true, ...impatient });
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
