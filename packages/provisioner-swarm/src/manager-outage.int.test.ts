import { afterAll, describe, expect, test } from '@jest/globals';
import { EngineRelay } from './testing/engine-relay.ts';
import { SwarmBenches, required } from './testing/swarm-bench.ts';

const benches = new SwarmBenches();
afterAll(async () => {
  await benches[Symbol.asyncDispose]();
});

/** Relay and bench of a gateway whose manager can be taken away. */
async function open(config = {}) {
  const relay = await EngineRelay.open(required('GP_SWARM_HOST'));
  const bench = await benches.open({ config, hostEnv: { DOCKER_HOST: relay.address } });
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
    // The listener of a version 1 launcher is a child of the kernel: without it the swarm alone can be asked.
    await client
      .execute('import psutil\nfor c in psutil.Process().children(recursive=True): c.kill()')
      .catch(() => undefined);
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
    await using opened = await open({ placement: { constraints: ['node.labels.gp.node==7'] } });
    const { relay, bench } = opened;
    const context = bench.context({ deadline: Date.now() + 8_000 });
    const launch = bench.provisioner.launch(context, {
      progress: ({ phase }) => {
        if (phase === 'scheduling') relay.cut();
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
