import assert from 'node:assert/strict';
import { KernelFailureError, isProvisionerError, systemClock } from '@gateway-provisioners/core';
import type { KernelSpec, LaunchContext, LaunchedKernel } from '@gateway-provisioners/core';
import type { ConformanceBench, ContextOverrides } from './conformance-bench.ts';
import type { CaseBody } from './launch-cases.ts';

/** What `launch` promises when it does not succeed: a clear error, and nothing left. */
export const failureCases: Readonly<Record<string, CaseBody>> = {
  async 'failure: what exits at once fails LAUNCH_FAILED with its exit code and last lines, and leaves nothing'(bench) {
    const { kernelSpec, exitCode, logText } = bench.options.exitsAtOnce ?? shellExit(bench.options.kernelSpec);
    const { context } = bench.context({ kernelSpec });
    const error = await failureOf(bench, context);
    assert.ok(isProvisionerError(error, 'LAUNCH_FAILED'), `not LAUNCH_FAILED: ${String(error)}`);
    assert.ok(error instanceof KernelFailureError, 'LAUNCH_FAILED must be a KernelFailureError');
    assert.equal(error.exit?.exitCode, exitCode);
    assert.ok(error.logTail.includes(logText), `the log's tail is missing: ${JSON.stringify(error.logTail)}`);
    assert.ok(error.message.includes(String(exitCode)), `the message does not name the exit code: ${error.message}`);
    await bench.assertNothingLeft([context]);
  },

  async 'failure: what never gets ready ends in LAUNCH_TIMEOUT at the deadline, or is returned and can be killed'(
    bench,
  ) {
    const timeoutMs = bench.options.hopelessTimeoutMs ?? 2_000;
    const kernelSpec = bench.options.neverReady ?? shellSleep(bench.options.kernelSpec);
    const { context } = bench.context({ kernelSpec, deadline: systemClock.now() + timeoutMs });
    const provisioner = await bench.provisioner();
    const launch = provisioner.launch(context, { signal: bench.signal });
    const patience = { what: 'launch to settle after its deadline', timeoutMs: timeoutMs + 20_000 };
    try {
      const kernel = bench.adopt(await bench.within(launch, patience));
      await kernel.kill();
    } catch (error) {
      assert.ok(isProvisionerError(error, 'LAUNCH_TIMEOUT'), `not LAUNCH_TIMEOUT: ${String(error)}`);
    }
    await bench.assertNothingLeft([context]);
  },

  async 'failure: a deadline that has passed ends in LAUNCH_TIMEOUT and leaves nothing'(bench) {
    const { context } = bench.context({ deadline: systemClock.now() - 1_000 });
    const error = await failureOf(bench, context);
    assert.ok(isProvisionerError(error, 'LAUNCH_TIMEOUT'), `not LAUNCH_TIMEOUT: ${String(error)}`);
    await bench.assertNothingLeft([context]);
  },

  async 'failure: a signal that was aborted before the call leaves nothing'(bench) {
    await assertAbortLeavesNothing(bench, ({ abort }) => {
      abort();
      return {};
    });
  },

  async 'failure: abort at any checkpoint leaves nothing'(bench) {
    const steps = await countCheckpoints(bench);
    for (let step = 0; step < steps; step += 1) {
      await assertAbortLeavesNothing(bench, ({ abort }) => ({
        onCheckpoint: (index) => {
          if (index === step) abort();
        },
      }));
    }
  },

  async 'failure: abort some time after the call leaves nothing, even if the launch had succeeded'(bench) {
    for (const afterMs of [0, 1, 5, 20, 60]) {
      await assertAbortLeavesNothing(bench, ({ abort }) => {
        systemClock.schedule(afterMs, abort);
        return {};
      });
    }
  },

  async 'failure: a checkpoint that cannot be stored fails the launch and leaves nothing'(bench) {
    const steps = await countCheckpoints(bench);
    for (let step = 0; step < steps; step += 1) {
      const failure = new Error('the store is full');
      const onCheckpoint = (index: number): Promise<void> =>
        index === step ? Promise.reject(failure) : Promise.resolve();
      const { context } = bench.context({ onCheckpoint });
      const error = await failureOf(bench, context);
      assert.ok(causes(error).includes(failure), `the store's error is lost: ${String(error)}`);
      await bench.assertNothingLeft([context]);
    }
  },
};

interface Abortable {
  readonly abort: () => void;
}

/** A launch that is aborted rejects with CANCELLED, or had returned by then and is killed. */
async function assertAbortLeavesNothing(
  bench: ConformanceBench,
  arrange: (abortable: Abortable) => ContextOverrides,
): Promise<void> {
  const controller = new AbortController();
  const overrides = arrange({
    abort: () => {
      controller.abort();
    },
  });
  const { context } = bench.context(overrides);
  const provisioner = await bench.provisioner();
  let kernel: LaunchedKernel | undefined;
  try {
    const launch = provisioner.launch(context, { signal: controller.signal });
    kernel = await bench.within(launch, { what: 'launch to settle after the abort' });
  } catch (error) {
    assert.ok(isProvisionerError(error, 'CANCELLED'), `not CANCELLED: ${String(error)}`);
  }
  if (kernel !== undefined) await bench.adopt(kernel).kill();
  await bench.assertNothingLeft([context]);
}

async function countCheckpoints(bench: ConformanceBench): Promise<number> {
  const { context, checkpoints } = bench.context();
  await (await bench.launch(await bench.provisioner(), context)).kill();
  assert.ok(checkpoints.length > 0, 'launch returned without a checkpoint');
  return checkpoints.length;
}

async function failureOf(bench: ConformanceBench, context: LaunchContext): Promise<unknown> {
  const provisioner = await bench.provisioner();
  try {
    bench.adopt(await provisioner.launch(context, { signal: bench.signal }));
  } catch (error) {
    return error;
  }
  return assert.fail('launch succeeded');
}

function causes(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  for (let current = error; current !== undefined && !chain.includes(current);) {
    chain.push(current);
    current = current instanceof Error ? current.cause : undefined;
  }
  return chain;
}

function shellExit(kernelSpec: KernelSpec): { kernelSpec: KernelSpec; exitCode: number; logText: string } {
  const logText = 'conformance: giving up';
  const argv = ['/bin/sh', '-c', `echo '${logText}' >&2; exit 7`];
  return { kernelSpec: { ...kernelSpec, argv }, exitCode: 7, logText };
}

function shellSleep(kernelSpec: KernelSpec): KernelSpec {
  return { ...kernelSpec, argv: ['/bin/sh', '-c', 'exec sleep 600'] };
}
