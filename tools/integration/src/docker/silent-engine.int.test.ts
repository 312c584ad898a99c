import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ResourceStack, delay } from '@gateway-provisioners/core';
import { gatewayDefinition } from '../support/gateway-under-test.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { startServer } from '../support/server-process.ts';
import { until } from '../support/until.ts';
import { dockerKernels } from './container-kernels.ts';

const LAUNCH_SECONDS = 4;

test('an engine that takes requests and never answers holds up its own launches, and nobody else', async () => {
  await using resources = new ResourceStack();
  const scratch = resources.use(await createScratchFolder());
  const path = join(scratch.path, 'engine.sock');
  const kernels = resources.use(await dockerKernels({ docker_python: { image_name: 'gp-test/kernel-py' } }));
  const env = { ...kernels.env, DOCKER_HOST: `unix://${path}` };
  const gateway = resources.use(await startServer({ definition: { ...gatewayDefinition(), env } }));
  // There is no engine yet, so that the gateway has nothing to wait for when it looks for kernels of an earlier run.
  await until({ what: 'the gateway to be ready', timeoutMs: 30_000 }, async () => {
    return (await gateway.request('readyz')).status === 200;
  });
  const connections = new Set<Socket>();
  const engine = createServer((socket) => connections.add(socket)).listen(path);
  await once(engine, 'listening');
  resources.defer(async () => {
    for (const socket of connections) socket.destroy();
    engine.close();
    await once(engine, 'close');
  });

  const start = async (name: string) => {
    const body = JSON.stringify({ name, env: { KERNEL_LAUNCH_TIMEOUT: String(LAUNCH_SECONDS) } });
    const startedAt = performance.now();
    const response = await gateway.request('api/kernels', { method: 'POST', body });
    const answer = (await response.json()) as { code?: string };
    return { status: response.status, code: answer.code, seconds: (performance.now() - startedAt) / 1000 };
  };
  const launches = Array.from({ length: 10 }, () => start('docker_python'));
  const all = Promise.all(launches);
  const ended = all.then(() => true);
  const waits: number[] = [];
  const statuses = new Set<number>();
  do {
    const askedAt = performance.now();
    statuses.add((await gateway.request('api/kernels')).status);
    waits.push(performance.now() - askedAt);
  } while (!(await Promise.race([ended, delay(50).then(() => false)])));
  for (const { status, code, seconds } of await all) {
    expect({ status, code }).toEqual({ status: 504, code: 'LAUNCH_TIMEOUT' });
    expect(seconds).toBeGreaterThan(LAUNCH_SECONDS * 0.9);
    // Far from the engine's own 30 s and from the minute that a removal may take.
    expect(seconds).toBeLessThan(LAUNCH_SECONDS + 15);
  }
  expect(connections.size).toBeGreaterThan(0);
  expect([...statuses]).toEqual([200]);
  expect(waits.length).toBeGreaterThan(5);
  expect(Math.max(...waits)).toBeLessThan(LAUNCH_SECONDS * 1000);
}, 120_000);
