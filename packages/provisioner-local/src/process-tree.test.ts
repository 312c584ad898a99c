import { readdir, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OWNER_VARIABLE, formatOwner } from '@gateway-provisioners/core';
import { SkippingClock } from '@gateway-provisioners/core/testing';
import { fakeKernelSpec } from '@gateway-provisioners/testkit';
import { localProvisioner } from './index.ts';
import { readResourceUsage } from './resource-usage.ts';
import { LocalBench, pidsOf, until } from './testing/local-bench.ts';

let bench: LocalBench;
beforeEach(async () => {
  bench = await LocalBench.open();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

describe('processes of a kernel', () => {
  test('kill ends children in the group and in sessions of their own, though they ignore signals', async () => {
    const context = bench.context(fakeKernelSpec({ ignores: ['sigterm', 'sigint'] }));
    const kernel = await bench.launch(context);
    const client = await bench.connect(kernel);
    const group = Number((await client.execute('spawn group')).output);
    const session = Number((await client.execute('spawn session')).output);
    const before = await pidsOf(context);
    expect(before).toEqual(expect.arrayContaining([group, session]));
    expect(before).toHaveLength(3);
    await kernel.kill();
    expect(await pidsOf(context)).toEqual([]);
    expect(await readdir(bench.runtimeDir)).toEqual([]);
  });

  test.each(['group', 'session'] as const)(
    'a launch that fails takes a grandchild in its own %s along',
    async (grandchild) => {
      const clock = new SkippingClock();
      await using patient = await LocalBench.open({ clock });
      const spec = fakeKernelSpec({ grandchild, neverBinds: true });
      const context = patient.context(spec, { deadline: clock.now() + 600_000 });
      const launch = patient.provisioner.launch(context);
      launch.catch(() => undefined);
      await until(async () => (await pidsOf(context)).length === 2);
      clock.skip(600_000);
      await expect(launch).rejects.toMatchObject({ code: 'LAUNCH_TIMEOUT' });
      expect(await pidsOf(context)).toEqual([]);
      expect(await readdir(patient.runtimeDir)).toEqual([]);
    },
  );

  test('what a kernel leaves behind when it ends by itself is listed, and removed by kill', async () => {
    const context = bench.context(fakeKernelSpec());
    const kernel = await bench.launch(context);
    const client = await bench.connect(kernel);
    const survivor = Number((await client.execute('spawn session')).output);
    client.execute('exit 0').catch(() => undefined);
    expect(await kernel.exited).toMatchObject({ reason: 'exited', exitCode: 0 });
    expect(await pidsOf(context)).toEqual([survivor]);
    expect((await bench.provisioner.list()).resources).toHaveLength(1);
    await kernel.kill();
    expect(await pidsOf(context)).toEqual([]);
    expect((await bench.provisioner.list()).resources).toEqual([]);
  });

  test('processes whose folder was deleted are listed by their marker and can be reaped', async () => {
    const context = bench.context(fakeKernelSpec());
    const kernel = await bench.launch(context);
    for (const name of await readdir(bench.runtimeDir)) {
      await rm(`${bench.runtimeDir}/${name}`, { recursive: true });
    }
    await using other = await localProvisioner.createChecked(bench.services, {});
    const { resources } = await other.list();
    expect(resources).toMatchObject([{ kernelId: context.kernelId, incarnation: 1 }]);
    for (const resource of resources) await other.reap(resource);
    expect(await pidsOf(context)).toEqual([]);
    expect((await kernel.exited).reason).toBe('signalled');
  });

  test('the state before the start finds a process that was started and never recorded', async () => {
    const context = bench.context(fakeKernelSpec());
    await bench.launch(context);
    const [intent] = bench.checkpoints;
    expect(intent).toBeDefined();
    expect(intent).not.toHaveProperty('process');
    await using other = await localProvisioner.createChecked(bench.services, {});
    const attached = await other.attach(intent ?? {});
    expect(await attached?.liveness()).toBe('alive');
    await attached?.kill();
    expect(await pidsOf(context)).toEqual([]);
  });

  test('a state whose number belongs to another process by now ends nothing of it', async () => {
    const context = bench.context(fakeKernelSpec());
    const kernel = await bench.launch(context);
    const stranger = await bench.launch(bench.context(fakeKernelSpec()));
    const { pid } = processOf(stranger.state);
    const forged = { ...kernel.state, process: { pid, startTime: 'another boot/1' } };
    expect(await bench.provisioner.attach(forged)).toBeUndefined();
    await bench.provisioner.reap({ id: 'x', ...ownerOf(context), state: forged });
    expect(await stranger.liveness()).toBe('alive');
    expect(await kernel.liveness()).toBe('dead');
  });

  test('a state that names files of others is refused, and nothing is removed', async () => {
    const context = bench.context(fakeKernelSpec());
    const kernel = await bench.launch(context);
    for (const runDir of ['/tmp', bench.runtimeDir, `${bench.runtimeDir}/../x`]) {
      const state = { ...kernel.state, runDir };
      const refusal = bench.provisioner.reap({ id: 'x', ...ownerOf(context), state });
      await expect(refusal).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(await kernel.liveness()).toBe('alive');
  });

  test('the marker and JPY_PARENT_PID are in the environment only as configured', async () => {
    const context = bench.context(fakeKernelSpec());
    const client = await bench.connect(await bench.launch(context));
    expect(JSON.parse((await client.execute(`env ${OWNER_VARIABLE}`)).output)).toBe(formatOwner(context));
    expect(JSON.parse((await client.execute('env JPY_PARENT_PID')).output)).toBeNull();
    await using bound = await LocalBench.open({ config: { parent_pid: true } });
    const other = await bound.connect(await bound.launch(bound.context(fakeKernelSpec())));
    expect(JSON.parse((await other.execute('env JPY_PARENT_PID')).output)).toBe(String(process.pid));
  });

  test('SIGKILL by somebody else is told apart from ours, with a hint', async () => {
    const kernel = await bench.launch(bench.context(fakeKernelSpec()));
    const client = await bench.connect(kernel);
    client.execute('crash').catch(() => undefined);
    expect(await kernel.exited).toMatchObject({
      reason: 'signalled',
      signal: 'SIGKILL',
      detail: expect.stringContaining('memory'),
    });
  });

  test('EG_ALTERNATE_SIGINT of the kernelspec is the signal that interrupts; another word is an error', async () => {
    const env = { EG_ALTERNATE_SIGINT: 'SIGUSR2' };
    const kernel = await bench.launch(bench.context(fakeKernelSpec({ env, ignores: [] })));
    expect(kernel.state).toMatchObject({ interruptSignal: constants.signals.SIGUSR2 });
    const client = await bench.connect(kernel);
    const sleeping = client.execute('sleep 600000');
    let stopped = false;
    sleeping.then(
      () => (stopped = true),
      () => (stopped = true),
    );
    await until(async () => {
      await kernel.interrupt();
      return stopped;
    });
    expect((await sleeping).content).toMatchObject({ ename: 'KeyboardInterrupt' });
    const wrong = bench.context(fakeKernelSpec({ env: { EG_ALTERNATE_SIGINT: 'SIGNOPE' } }));
    await expect(bench.provisioner.launch(wrong)).rejects.toThrow(/"SIGNOPE".*not the name of a signal/);
  });

  test('resource usage counts the whole group, and is undefined when it is gone', async () => {
    const kernel = await bench.launch(bench.context(fakeKernelSpec()));
    const client = await bench.connect(kernel);
    await client.execute('spawn group');
    const usage = await readResourceUsage(kernel.state);
    expect(usage).toMatchObject({ processes: 2 });
    expect(usage?.rssBytes).toBeGreaterThan(10 * 1024 * 1024);
    expect(usage?.cpuMs).toBeGreaterThan(0);
    await kernel.kill();
    expect(await readResourceUsage(kernel.state)).toBeUndefined();
  });

  test('another instance cannot launch, attach or reap here', async () => {
    const kernel = await bench.launch(bench.context(fakeKernelSpec()));
    const foreign = { ...bench.services, instanceId: 'somebody-else' };
    await using other = await localProvisioner.createChecked(foreign, {});
    await expect(other.attach(kernel.state)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

function ownerOf(context: { instanceId: string; kernelId: string; incarnation: number }) {
  const { instanceId, kernelId, incarnation } = context;
  return { instanceId, kernelId, incarnation };
}

function processOf(state: unknown): { readonly pid: number } {
  if (typeof state === 'object' && state !== null && 'process' in state) {
    const { process } = state;
    if (typeof process === 'object' && process !== null && 'pid' in process && typeof process.pid === 'number') {
      return { pid: process.pid };
    }
  }
  throw new Error('no process in the state');
}
