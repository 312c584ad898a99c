import assert from 'node:assert/strict';
import type { LaunchContext, LaunchedKernel, OwnedResource, ProvisionerState } from '@gateway-provisioners/core';
import type { ConformanceBench } from './conformance-bench.ts';
import type { CaseBody } from './launch-cases.ts';

/** What survives the process that launched a kernel: attach, list, reap. */
export const recoveryCases: Readonly<Record<string, CaseBody>> = {
  async 'attach: by a new provisioner object after the first was disposed of; state and connection are the same'(
    bench,
  ) {
    const { kernel: first, context } = await launchAndLetGo(bench);
    const second = await attach(bench, first.state);
    assert.deepEqual(second.connection.current.info, first.connection.current.info);
    assert.deepEqual(second.state, first.state);
    assert.equal(await second.liveness(), 'alive');
    const client = await bench.connect(second);
    const { output } = await client.execute(bench.language.printVariable('kept'));
    assert.equal(output.trim(), 'yes');
    await second.kill();
    assert.equal((await bench.exitOf(second)).reason, 'killed');
    await bench.assertNothingLeft([context]);
  },

  async 'attach: interrupt and logs work on an attached kernel'(bench) {
    const { kernel: first } = await launchAndLetGo(bench);
    const second = await attach(bench, first.state);
    const client = await bench.connect(second);
    await client.execute(bench.language.log('conformance: after attach'));
    await bench.eventually(async () => {
      const text = await second.logs();
      return text.includes('conformance: after attach') ? undefined : `logs: ${JSON.stringify(text)}`;
    });
    // Code that runs: an interrupt that arrives when nothing runs any more may meet what is run next.
    const { reply } = await client.begin(bench.language.printAndSleep(600_000), { timeoutMs: 60_000 });
    await second.interrupt();
    assert.equal((await reply).content['status'], 'error');
    assert.equal((await client.execute(bench.language.setVariable('more', '1'))).content['status'], 'ok');
  },

  async 'attach: exited of an attached kernel settles when it ends by itself, with its code or "unknown"'(bench) {
    const { kernel: first } = await launchAndLetGo(bench);
    const second = await attach(bench, first.state);
    const client = await bench.connect(second);
    await client.execute(bench.language.log('conformance: last words'));
    client.execute(bench.language.exit(5)).catch(() => undefined);
    const exit = await bench.exitOf(second);
    assert.ok(exit.reason === 'exited' || exit.reason === 'gone', `reason ${exit.reason}`);
    assert.ok([5, 'unknown', undefined].includes(exit.exitCode), `exit code ${String(exit.exitCode)}`);
    assert.ok(exit.logTail.includes('conformance: last words'), `log tail: ${JSON.stringify(exit.logTail)}`);
    assert.equal(await second.liveness(), 'dead');
  },

  async 'attach: of a kernel that ended meanwhile is undefined, and reap then removes what it left'(bench) {
    const { kernel: first, context } = await launchAndLetGo(bench);
    const holder = await attach(bench, first.state);
    await holder.signal(9);
    await bench.exitOf(holder);
    await bench.letGo(holder);
    const provisioner = await bench.provisioner();
    assert.equal(await provisioner.attach(first.state, { signal: bench.signal }), undefined);
    await provisioner.reap(resourceOf(context, first.state));
    await bench.assertNothingLeft([context]);
  },

  async 'attach: of a kernel that was killed is undefined'(bench) {
    const provisioner = await bench.provisioner();
    const kernel = await bench.launch(provisioner);
    await kernel.kill();
    assert.equal(await provisioner.attach(kernel.state), undefined);
  },

  async 'attach: disposing of one holder leaves the kernel to the other'(bench) {
    const provisioner = await bench.provisioner();
    const kernel = await bench.launch(provisioner);
    const second = await attach(bench, kernel.state);
    await bench.letGo(second);
    assert.equal(await kernel.liveness(), 'alive');
    await bench.connect(kernel);
  },

  async 'checkpoint: each state is enough to reap the kernel, by a provisioner that never saw it'(bench) {
    const probe = bench.context();
    await (await bench.launch(await bench.provisioner(), probe.context)).kill();
    for (let step = 0; step < probe.checkpoints.length; step += 1) {
      const { context, checkpoints } = bench.context();
      await bench.launch(await bench.provisioner(), context);
      const state = checkpoints[step];
      assert.ok(state !== undefined, `launch checkpointed ${checkpoints.length} times now`);
      await (await bench.provisioner()).reap(resourceOf(context, state), { signal: bench.signal });
      await bench.assertNothingLeft([context]);
    }
  },

  async 'list: shows each kernel once, with its owner and a state that attach takes'(bench) {
    const provisioner = await bench.provisioner();
    const one = bench.context();
    const two = bench.context({ incarnation: 3 });
    await bench.launch(provisioner, one.context);
    await bench.launch(provisioner, two.context);
    const { resources, unreachable } = await (await bench.provisioner()).list({ signal: bench.signal });
    assert.deepEqual(unreachable, []);
    const owners = resources.map(({ instanceId, kernelId, incarnation }) => ({ instanceId, kernelId, incarnation }));
    const expected = [one.context, two.context].map(({ instanceId, kernelId, incarnation }) => ({
      instanceId,
      kernelId,
      incarnation,
    }));
    assert.deepEqual(owners.sort(byKernelId), expected.sort(byKernelId));
    for (const resource of resources) {
      const kernel = await attach(bench, resource.state);
      assert.equal(await kernel.liveness(), 'alive');
    }
  },

  async 'list: shows nothing that another instance owns'(bench) {
    await bench.launch(await bench.provisioner());
    const other = await bench.provisioner(`${bench.instanceId}-other`);
    // One id is the beginning of the other: a prefix must not match.
    const prefix = await bench.provisioner(bench.instanceId.slice(0, -1));
    assert.deepEqual((await other.list()).resources, []);
    assert.deepEqual((await prefix.list()).resources, []);
  },

  async 'reap: removes what list shows, and only that; removing it again succeeds'(bench) {
    const doomed = await launchAndLetGo(bench);
    const spared = await launchAndLetGo(bench);
    const provisioner = await bench.provisioner();
    const { resources } = await provisioner.list();
    const resource = resources.find(({ kernelId }) => kernelId === doomed.context.kernelId);
    assert.ok(resource !== undefined, 'the kernel is not in the list');
    await provisioner.reap(resource, { signal: bench.signal });
    await provisioner.reap(resource);
    await bench.assertNothingLeft([doomed.context]);
    const left = await attach(bench, spared.kernel.state);
    const { output } = await (await bench.connect(left)).execute(bench.language.printVariable('kept'));
    assert.equal(output.trim(), 'yes');
  },
};

/** A kernel with `kept = yes` whose launcher has gone. */
async function launchAndLetGo(
  bench: ConformanceBench,
): Promise<{ readonly kernel: LaunchedKernel; readonly context: LaunchContext }> {
  const provisioner = await bench.provisioner();
  const { context } = bench.context();
  const kernel = await bench.launchUnheld(provisioner, context);
  const client = await bench.connect(kernel);
  await client.execute(bench.language.setVariable('kept', 'yes'));
  await client[Symbol.asyncDispose]();
  await kernel[Symbol.asyncDispose]();
  await provisioner[Symbol.asyncDispose]();
  return { kernel, context };
}

async function attach(bench: ConformanceBench, state: ProvisionerState): Promise<LaunchedKernel> {
  const provisioner = await bench.provisioner();
  const kernel = await provisioner.attach(state, { signal: bench.signal });
  assert.ok(kernel !== undefined, 'attach found nothing');
  return bench.adopt(kernel);
}

function resourceOf(context: LaunchContext, state: ProvisionerState): OwnedResource {
  const { instanceId, kernelId, incarnation } = context;
  return { id: kernelId, instanceId, kernelId, incarnation, state };
}

function byKernelId(a: { readonly kernelId: string }, b: { readonly kernelId: string }): number {
  return a.kernelId < b.kernelId ? -1 : 1;
}
