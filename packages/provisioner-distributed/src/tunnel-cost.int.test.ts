import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { ResourceStack, observed, reservePorts } from '@gateway-provisioners/core';
import type { ConnectionInfo, KernelConnection } from '@gateway-provisioners/core';
import { listens } from '@gateway-provisioners/core/testing';
import { TestKernelClient } from '@gateway-provisioners/testkit';
import { SshBench } from './testing/ssh-bench.ts';
import { testbed, until } from './testing/ssh-testbed.ts';

const ROUND_TRIPS = 400;
const KERNELS = 5;

const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

/** The same kernel through OpenSSH's own client, with a local port for each channel. */
async function openSshForwards(info: ConnectionInfo, stack: ResourceStack): Promise<ConnectionInfo> {
  const names = ['shell_port', 'iopub_port', 'stdin_port', 'control_port'] as const;
  const ports = await reservePorts({ count: names.length, host: '127.0.0.1' });
  const local = Object.fromEntries(names.map((name, index) => [name, ports[index]])) as Record<
    (typeof names)[number],
    number
  >;
  const child = spawn(
    'ssh',
    [
      ...['-N', '-i', testbed.key, '-o', `UserKnownHostsFile=${testbed.knownHosts}`, '-o', 'ExitOnForwardFailure=yes'],
      ...['-F', 'none', ...names.flatMap((name) => ['-L', `127.0.0.1:${local[name]}:127.0.0.1:${info[name]}`])],
      `gp@${testbed.host1}`,
    ],
    { stdio: 'ignore' },
  );
  const exited = once(child, 'exit');
  stack.defer(async () => {
    child.kill();
    await exited;
  });
  await until('the forwards', async () => await listens(local.control_port));
  return { ...info, ...local, ip: '127.0.0.1' };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

test('the tunnel adds no more to a round trip than OpenSSH does, and no file descriptors to a kernel', async () => {
  const stack = new ResourceStack();
  try {
    const bench = stack.use(await SshBench.open({ remote_hosts: [testbed.host1], tunneling: true }));
    const kernel = await bench.launch();
    const tunnelled = kernel.connection.current;
    const direct: KernelConnection = { info: { ...tunnelled.info, ip: testbed.host1 } };
    const openSsh: KernelConnection = { info: await openSshForwards(tunnelled.info, stack) };
    const clients = new Map<string, TestKernelClient>();
    for (const [name, connection] of Object.entries({ direct, tunnelled, openSsh })) {
      clients.set(
        name,
        stack.use(await TestKernelClient.open({ connection: observed(connection), timeoutMs: 60_000 })),
      );
    }
    const times = new Map([...clients.keys()].map((name): [string, number[]] => [name, []]));
    // In turns, so that all see the same machine.
    for (let round = 0; round < ROUND_TRIPS; round += 1) {
      for (const [name, client] of clients) {
        const before = performance.now();
        await client.request('kernel_info_request');
        times.get(name)?.push(performance.now() - before);
      }
    }
    const p50 = Object.fromEntries([...times].map(([name, values]) => [name, median(values)]));
    const added = (name: string): number => (p50[name] ?? Number.NaN) - (p50['direct'] ?? Number.NaN);
    const figures = { p50, added: { tunnelled: added('tunnelled'), openSsh: added('openSsh') } };
    process.stderr.write(`round trips in ms: ${JSON.stringify(figures)}\n`);
    // A busy or slow machine must not decide: twice, and as much as a round trip costs, is far from what a defect would.
    const allowed = 2 * Math.max(0, added('openSsh')) + Math.max(1, p50['direct'] ?? Number.NaN);
    expect(added('tunnelled')).toBeLessThan(allowed);

    const perKernel = async (of: SshBench): Promise<number> => {
      const kernels = await Promise.all(Array.from({ length: KERNELS }, async () => await of.launch()));
      const before = await openFiles();
      for (const one of kernels) await (await of.connect(one)).execute('1');
      return ((await openFiles()) - before) / KERNELS;
    };
    const directBench = stack.use(await SshBench.open({ remote_hosts: [testbed.host1] }));
    const files = { tunnelled: await perKernel(bench), direct: await perKernel(directBench) };
    process.stderr.write(`open files of a kernel with a client: ${JSON.stringify(files)}\n`);
    // Channels are streams of the connection that is there.
    expect(files.tunnelled).toBeLessThan(1);
    expect(files.direct).toBeGreaterThan(1);
  } finally {
    await stack[Symbol.asyncDispose]();
  }
});
