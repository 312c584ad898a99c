import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { errorMessage } from '@gateway-provisioners/core';
import type { ReportProgress } from '@gateway-provisioners/core';
import { SshBench } from './testing/ssh-bench.ts';
import { nothingIsLeft, oneConnection, pythonSpec, ssh, testbed } from './testing/ssh-testbed.ts';

const { host1, host2, natHost } = testbed;

jest.setTimeout(300_000);
afterAll(nothingIsLeft);

describe('where kernels run', () => {
  test('a host that cannot be reached is passed over, and later launches do not even try it', async () => {
    await using bench = await SshBench.open({ remote_hosts: ['10.213.0.99', host2], connect_timeout_ms: 5000 });
    const tried: string[][] = [];
    for (let launch = 0; launch < 4; launch += 1) {
      const hosts: string[] = [];
      tried.push(hosts);
      const progress: ReportProgress = ({ message = '' }) => {
        hosts.push(...(/^connecting to (.+)$/.exec(message)?.slice(1) ?? []));
      };
      expect(await bench.hostNameOf(await bench.launch({}, { progress }))).toBe('gp-ssh-2');
    }
    expect(tried).toEqual([['10.213.0.99', host2], [host2], [host2], [host2]]);
  });

  test('kernelspecs with other patience share the connection', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    const sibling = await bench.sibling({ connect_timeout_ms: 60_000, keepalive_interval_ms: 20_000 });
    await bench.launch();
    const kernel = await sibling.launch(bench.context());
    await oneConnection('1');
    await kernel.kill();
  });

  test('hosts that refuse us or show another key are passed over too', async () => {
    await using bench = await SshBench.open({ remote_hosts: [`gpnologin@${host1}`, host2] });
    expect(await bench.hostNameOf(await bench.launch())).toBe('gp-ssh-2');
  });

  test('when no host can be reached, the error names each with its reason', async () => {
    await using bench = await SshBench.open({ remote_hosts: [`${host1}:2222`, `${host2}:2222`] });
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
      expect(await bench.hostNameOf(kernel)).toBe(name);
    }
    await expect(bench.launch({ env: { KERNEL_REMOTE_HOST: natHost } })).rejects.toMatchObject({ code: 'INVALID_ENV' });
  });

  test.each(['least-connection'])('30 launches at once, %s: each of 2 hosts gets half', async (algorithm) => {
    await using bench = await SshBench.open({ remote_hosts: [host1, host2], load_balancing_algorithm: algorithm });
    const before = performance.now();
    const launches = Array.from({ length: 30 }, async () => {
      const kernel = await bench.launch();
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
    await oneConnection('1');
    await oneConnection('2');
  });

  test('no more kernels than a host may run; none on drained hosts', async () => {
    await using bench = await SshBench.open({
      remote_hosts: [host1, host2],
      drained_hosts: [host1],
      max_kernels_per_host: 1,
      load_balancing_algorithm: 'least-load',
    });
    const kernel = await bench.launch();
    expect(await bench.hostNameOf(kernel)).toBe('gp-ssh-2');
    await expect(bench.launch()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await kernel.kill();
    await (await bench.launch()).kill();
  });
});

describe('launches that cannot succeed say why', () => {
  test('no ipykernel there', async () => {
    await using bench = await SshBench.open({ remote_hosts: [host1] });
    // Without what the testbed's own environment would add.
    const argv = ['/usr/bin/python3', '-Es', ...pythonSpec.argv.slice(1)];
    // The launcher may have called home when the kernel that it has started finds out.
    const said = await bench
      .launch({ kernelSpec: { ...pythonSpec, argv } })
      .then(async (kernel) => (await kernel.exited).logTail, errorMessage);
    expect(said).toMatch(/ipykernel cannot be loaded by \/usr\/bin\/python3: No module named '?ipykernel/);
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
