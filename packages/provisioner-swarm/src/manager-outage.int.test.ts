import { afterAll, describe, expect, test } from '@jest/globals';
import type { Clock, JsonObject } from '@gateway-provisioners/core';
import { SkippingClock } from '@gateway-provisioners/core/testing';
import { EngineRelay } from './testing/engine-relay.ts';
import { SwarmBenches, required, withoutListener } from './testing/swarm-bench.ts';

const HOUR_MS = 3_600_000;
const benches = new SwarmBenches();
afterAll(async () => {
  await benches[Symbol.asyncDispose]();
});

/** Relay and bench of a gateway whose manager can be taken away. */
async function open(config: JsonObject = {}, options: { readonly clock?: Clock } = {}) {
  const relay = await EngineRelay.open(required('GP_SWARM_HOST'));
  const bench = await benches.open({ config, hostEnv: { DOCKER_HOST: relay.address }, ...options });
  return {
    relay,
    bench,
    [Symbol.asyncDispose]: async () => {
      relay.heal();
      await bench[Symbol.asyncDispose]();
      await relay[Symbol.asyncDispose]();
    },
  };
}

describe('a manager that is away for a while', () => {
  test('leaves kernels running; what happens to them is heard when it is back', async () => {
    await using opened = await open({ image_name: 'gp-test/kernel-gp', launcher_protocol: 1 });
    const { relay, bench } = opened;
    const context = bench.context();
    const kernel = await bench.provisioner.launch(context);
    const client = await bench.connect(kernel);
    // The swarm alone can be asked then.
    await client.execute(withoutListener).catch(() => undefined);
    expect(await kernel.liveness()).toBe('alive');
    let hasEnded = false;
    void kernel.exited.then(() => (hasEnded = true));

    relay.cut();
    // Whoever follows its task has looked for it more than once.
    await relay.refused(6);
    expect(await kernel.liveness()).toBe('unreachable');
    expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
    expect(await bench.provisioner.list()).toEqual({ resources: [], unreachable: [relay.address] });
    expect(hasEnded).toBe(false);

    relay.heal();
    expect(await kernel.liveness()).toBe('alive');
    const { manager } = await benches.view();
    const [container] = await manager.containers.list({ labels: [`kernel_id=${context.kernelId}`] });
    await manager.containers.kill(container?.id ?? '', 9);
    expect(await kernel.exited).toMatchObject({ reason: 'signalled', signal: 'SIGKILL' });
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  }, 180_000);

  test('before a service is made: told at once, and there is nothing', async () => {
    await using opened = await open();
    const { relay, bench } = opened;
    const launch = bench.launch(
      {},
      {
        progress: ({ phase }) => {
          if (phase === 'queued') relay.cut();
        },
      },
    );
    await expect(launch).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    relay.heal();
    expect(await bench.provisioner.list()).toEqual({ resources: [], unreachable: [] });
    expect(await bench.leftovers()).toEqual([]);
  }, 120_000);

  test('while a task is on its way: told at the deadline; the service is found and removed when it is back', async () => {
    const clock = new SkippingClock();
    await using opened = await open({ placement: { constraints: ['node.labels.gp.node==7'] } }, { clock });
    const { relay, bench } = opened;
    const context = bench.context({ deadline: clock.now() + HOUR_MS });
    let isAway = false;
    const launch = bench.provisioner.launch(context, {
      progress: ({ phase }) => {
        // What is told after the cut is that the manager cannot be asked: the hour may pass then.
        if (isAway) clock.skip(HOUR_MS);
        else if (phase === 'scheduling') relay.cut();
        isAway ||= phase === 'scheduling';
      },
    });
    await expect(launch).rejects.toMatchObject({
      code: 'LAUNCH_TIMEOUT',
      message: expect.stringMatching(/scheduling: .*(could not|cannot)/),
    });
    relay.heal();
    const { resources } = await bench.provisioner.list();
    expect(resources).toMatchObject([{ kernelId: context.kernelId }]);
    for (const resource of resources) await bench.provisioner.reap(resource);
    expect(await bench.provisioner.list()).toEqual({ resources: [], unreachable: [] });
    expect(await bench.leftovers()).toEqual([]);
  }, 120_000);
});
