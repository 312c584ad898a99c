import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LaunchProgress } from '@gateway-provisioners/core';
import { SkippingClock, until } from '@gateway-provisioners/core/testing';
import { FaultBench } from './testing/fault-bench.ts';

const run = promisify(execFile);
const HOUR_MS = 3_600_000;
const name = `gp-test/pulled-${randomUUID().slice(0, 8)}:1`;

function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`${variable} is not set: eval "$(tools/testbeds/registry.sh env)"`);
  return value;
}

/** A way to the registry that stands still after some bytes. */
async function stallingRegistry(afterBytes: number) {
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  let isReleased = false;
  let idle: (() => void) | undefined;
  const [host = '', port = ''] = required('GP_TEST_REGISTRY').split(':');
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    let bytes = 0;
    sockets.add(client);
    client.on('error', () => undefined).pipe(upstream);
    upstream.on('error', () => client.destroy());
    upstream.on('end', () => {
      if (bytes <= afterBytes) client.end();
    });
    upstream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > afterBytes) upstream.pause();
      if (bytes > afterBytes && !isReleased) held.push(() => client.write(chunk));
      else client.write(chunk);
    });
    client.once('close', () => {
      upstream.destroy();
      sockets.delete(client);
      if (sockets.size === 0) idle?.();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    standsStill: () => held.length > 0,
    /** Lets a little more pass, without which an engine does not see that nobody wants it; resolves when it hung up. */
    async idle() {
      isReleased = true;
      for (const release of held) release();
      if (sockets.size > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve;
        });
      }
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

describe('a kernel whose image is in a registry', () => {
  const image = () => `${required('GP_TEST_REGISTRY')}/${name}`;

  beforeAll(async () => {
    // The layers of the kernel image are here already; one more has to be fetched.
    const dockerfile = 'FROM gp-test/kernel-py\nRUN head -c 4000000 /dev/urandom > /tmp/layer\n';
    const build = spawn('docker', ['build', '-q', '--network', 'none', '-t', image(), '-'], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    build.stdin.end(dockerfile);
    const [exitCode] = (await once(build, 'exit')) as [number | null];
    expect(exitCode).toBe(0);
    await run('docker', ['push', '-q', image()]);
    await run('docker', ['rmi', image()]);
  }, 180_000);
  afterAll(async () => {
    const { stdout } = await run('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}']);
    for (const left of stdout.split('\n').filter((line) => line.endsWith(name))) await run('docker', ['rmi', left]);
  });

  test('starts when it has been pulled, and the launch tells how far the pull is', async () => {
    await using bench = await FaultBench.open({ config: { image_name: image() } });
    const seen: LaunchProgress[] = [];
    const kernel = await bench.launch({}, { progress: (progress) => seen.push(progress) });
    const pulling = seen.filter(({ phase }) => phase === 'pulling').map(({ message }) => message ?? '');
    expect(pulling[0]).toBe(`pulling ${image()}`);
    expect(pulling.at(-1)).toMatch(/: (\d+) of \1 layers/);
    expect(seen.at(-1)?.phase).not.toBe('pulling');
    const client = await bench.connect(kernel);
    expect(await client.execute('print(6 * 7)')).toMatchObject({ output: '42\n' });
  });

  test('is given up at the deadline of the launch when the pull stands still, and the engine pulls no more', async () => {
    await using registry = await stallingRegistry(100_000);
    const pulled = `${registry.address}/${name}`;
    await run('docker', ['rmi', '-f', image()]);
    const clock = new SkippingClock();
    await using bench = await FaultBench.open({ config: { image_name: pulled }, clock });
    const seen: LaunchProgress[] = [];
    const failure = bench
      .launch({ deadline: clock.now() + HOUR_MS }, { progress: (each) => seen.push(each) })
      .catch((error: unknown) => error);
    const isToldOf = (words: string) => seen.some(({ message }) => message?.includes(words) === true);
    await until('a pull that stands still', () => Promise.resolve(registry.standsStill() && isToldOf('layers')));
    clock.skip(HOUR_MS);
    expect(await failure).toMatchObject({ code: 'LAUNCH_TIMEOUT', message: expect.stringContaining('pull') });
    await registry.idle();
    expect(await bench.leftovers()).toEqual([]);
  });

  test('is refused with the reason when the registry wants credentials', async () => {
    const refused = `${required('GP_TEST_REGISTRY_AUTH')}/${name}`;
    await using bench = await FaultBench.open({ config: { image_name: refused } });
    await expect(bench.launch()).rejects.toMatchObject({
      code: 'IMAGE_PULL_FAILED',
      message: expect.stringMatching(/pulled-.*credentials/),
    });
    expect(await bench.leftovers()).toEqual([]);
  });
});
