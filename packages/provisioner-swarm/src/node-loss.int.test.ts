import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import type { LaunchedKernel } from '@gateway-provisioners/core';
import { delay } from '@gateway-provisioners/core';
import { SkippingClock, until } from '@gateway-provisioners/core/testing';
import type { NodeAvailability, NodeState } from '@gateway-provisioners/docker-engine';
import { SwarmBenches, onWorker } from './testing/swarm-bench.ts';

const script = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'tools', 'testbeds', 'swarm.sh');

async function testbed(command: string): Promise<void> {
  const child = spawn(script, [command], { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error(`swarm.sh ${command} ended with ${String(code)}`);
}

const HOUR_MS = 3_600_000;
const benches = new SwarmBenches();
const worker = async () => {
  const { manager } = await benches.view();
  const node = (await manager.nodes.list()).find(({ labels }) => labels['gp.node'] === '2');
  if (node === undefined) throw new Error('the swarm has no second node');
  return node;
};
async function untilNode(state: NodeState): Promise<void> {
  while ((await worker()).state !== state) await delay(200);
}
async function setAvailability(availability: NodeAvailability): Promise<void> {
  const { manager } = await benches.view();
  await manager.nodes.setAvailability((await worker()).id, availability);
}
async function untilUnreachable(kernel: LaunchedKernel): Promise<void> {
  let liveness;
  while ((liveness = await kernel.liveness()) !== 'unreachable') {
    if (liveness === 'dead') throw new Error('it counts as dead');
    await delay(200);
  }
}

afterAll(async () => {
  await benches[Symbol.asyncDispose]();
});

describe('a node that is not there any more', () => {
  afterEach(async () => {
    await testbed('node2-heal');
    await setAvailability('active');
    await untilNode('ready');
  }, 120_000);

  test('because it was drained: its kernel was taken away', async () => {
    await using bench = await benches.open({ config: onWorker });
    const kernel = await bench.launch();
    await setAvailability('drain');
    const exit = await kernel.exited;
    expect(exit).toMatchObject({ reason: 'evicted', detail: expect.stringContaining('drained') });
    expect(await kernel.liveness()).toBe('dead');
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  }, 180_000);

  test('because it was cut off: its kernel is unreachable, then gone', async () => {
    const clock = new SkippingClock();
    await using bench = await benches.open({ config: { ...onWorker, lost_after_seconds: HOUR_MS / 1000 }, clock });
    const kernel = await bench.launch();
    await testbed('node2-cut');
    let hasEnded = false;
    void kernel.exited.then(() => (hasEnded = true));
    await untilNode('down');
    await untilUnreachable(kernel);
    expect(hasEnded).toBe(false);
    // Again, should the hour not have begun: it does when the loss is noticed, for which there is time in between.
    await until('the loss', async () => {
      clock.skip(HOUR_MS);
      await delay(1_000);
      return hasEnded;
    });
    expect(await kernel.exited).toMatchObject({
      reason: 'gone',
      detail: expect.stringMatching(/its node \S+ is down/),
    });
    expect(await kernel.liveness()).toBe('dead');
    // What cannot be asked does not hold up the removal.
    await kernel.kill();
    await testbed('node2-heal');
    await untilNode('ready');
    expect(await bench.leftovers()).toEqual([]);
  }, 240_000);
});
