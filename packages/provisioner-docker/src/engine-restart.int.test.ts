import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LaunchedKernel, Rendezvous } from '@gateway-provisioners/core';
import { createTestRendezvous } from '@gateway-provisioners/testkit';
import { containersOf } from './testing/docker-bench.ts';
import { FaultBench } from './testing/fault-bench.ts';

/** The spare engine of the testbed, which is there to be killed. */
const script = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'tools', 'testbeds', 'docker.sh');
const run = process.env['GP_TESTBED_RUN'] ?? '/var/lib/gateway-provisioners';
const hostEnv = { DOCKER_HOST: `unix://${run}/docker/spare/docker.sock` };
const BRIDGE = '10.218.0.1';

async function testbed(command: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  // Without DOCKER_HOST: the main engine of this machine is not the matter here.
  const child = spawn(script, command.split(' '), {
    env: { ...process.env, DOCKER_HOST: undefined, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error(`docker.sh ${command} ended with ${String(code)}`);
}

async function pidOfEngine(): Promise<number> {
  return Number(await readFile(`${run}/docker/spare/dockerd.pid`, 'utf8'));
}

let rendezvous: (Rendezvous & AsyncDisposable) | undefined;
const open = async () => {
  rendezvous ??= await createTestRendezvous({ address: BRIDGE });
  return await FaultBench.open({ hostEnv, rendezvous });
};

async function unlessEnded(kernel: LaunchedKernel): Promise<string> {
  return await Promise.race([
    kernel.exited.then(({ reason }) => reason),
    new Promise<string>((resolve) => setTimeout(resolve, 1_000, 'runs')),
  ]);
}

describe('an engine that goes away', () => {
  beforeAll(async () => {
    await testbed('up spare');
    await testbed('images spare');
  }, 300_000);
  afterAll(async () => {
    await rendezvous?.[Symbol.asyncDispose]();
    await testbed('down-spare');
  }, 120_000);

  test('with kernels running, and comes back adopting them: they never ended', async () => {
    await testbed('stop-engine');
    await testbed('start-engine', { GP_DOCKER_LIVE_RESTORE: '1' });
    await using bench = await open();
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    await client.execute('kept = "yes"');
    await testbed('kill-engine');
    expect(await unlessEnded(kernel)).toBe('runs');
    // Its launcher still answers; the engine is not needed for that.
    expect(await kernel.liveness()).toBe('alive');
    expect((await client.execute('print(kept)')).output).toBe('yes\n');
    await expect(bench.launch()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    await testbed('start-engine', { GP_DOCKER_LIVE_RESTORE: '1' });
    expect(await unlessEnded(kernel)).toBe('runs');
    expect((await client.execute('print(kept)')).output).toBe('yes\n');
    // The stream of events stands again: the end is heard.
    await kernel.signal(9);
    expect((await kernel.exited).reason).toBe('killed');
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  }, 240_000);

  test('and takes its kernels with it: told when it is back, and removed', async () => {
    await using bench = await open();
    const kernel = await bench.launch();
    await testbed('stop-engine');
    await testbed('start-engine');
    expect((await kernel.exited).reason).toMatch(/signalled|exited/);
    expect(await kernel.liveness()).toBe('dead');
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  }, 240_000);

  test('without a word, its socket open: a launch ends at its deadline, and kernels that run are alive', async () => {
    await using bench = await open();
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    const pid = await pidOfEngine();
    process.kill(pid, 'SIGSTOP');
    try {
      const startedAt = performance.now();
      await expect(bench.launch({ deadline: Date.now() + 5_000 })).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
      // Not the engine's own 30 s, nor the minute that a removal may take.
      expect(performance.now() - startedAt).toBeLessThan(20_000);
      expect(await kernel.liveness()).toBe('alive');
      expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
      expect(await unlessEnded(kernel)).toBe('runs');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await kernel.kill();
    const { resources } = await bench.provisioner.list();
    for (const resource of resources) await bench.provisioner.reap(resource);
    expect(await bench.leftovers()).toEqual([]);
  }, 240_000);

  test('in the middle of a launch: an error, and what was made is found and removed when it is back', async () => {
    await using bench = await open();
    const context = bench.context({ deadline: Date.now() + 30_000 });
    const pid = await pidOfEngine();
    const filter = { types: ['container'], actions: ['create'], labels: [`kernel_id=${context.kernelId}`] };
    let isKilled = false;
    await new Promise<void>((resolve) => {
      bench.engine.watch(filter, {
        onConnected: resolve,
        // At once: a launch that has got as far as its launcher does not need the engine any more.
        onEvent: () => {
          isKilled ||= process.kill(pid, 'SIGKILL');
        },
      });
    });
    await expect(bench.provisioner.launch(context)).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENGINE_UNAVAILABLE|LAUNCH_FAILED|LAUNCH_TIMEOUT)$/),
    });
    await testbed('kill-engine');
    await testbed('start-engine');
    const { resources, unreachable } = await bench.provisioner.list();
    expect(unreachable).toEqual([]);
    // Nothing exists that a gateway would not find.
    expect(resources).toHaveLength((await containersOf(bench.engine, context)).length);
    for (const resource of resources) await bench.provisioner.reap(resource);
    expect(await containersOf(bench.engine, context)).toEqual([]);
  }, 240_000);
});
