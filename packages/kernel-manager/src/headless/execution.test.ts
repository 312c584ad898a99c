import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import type { Execution } from '../types.ts';
import { TestClient, describeMessage, testManager } from '../testing/test-manager.ts';
import type { Manager } from '../manager/manager.ts';

let manager: Manager;

async function setUp() {
  const clock = new ManualClock();
  const made = await testManager({ clock, clientQueueBytes: 50_000 });
  manager = made.manager;
  return { ...made, clock, kernel: await manager.start() };
}

afterEach(async () => {
  for (const kernel of manager.list()) await kernel.shutdown({ now: true });
  await manager.close({ kernels: 'end' });
});

async function collect(execution: Execution): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of execution) seen.push(describeMessage(message));
  return seen;
}

describe('execute', () => {
  it('yields what belongs to it, in order, the reply last', async () => {
    const { kernel } = await setUp();
    const other = new TestClient(kernel);
    const execution = kernel.execute('print hello');
    kernel.execute('print somebody else');
    expect(await collect(execution)).toEqual(['status:busy', 'stream:hello', 'status:idle', 'execute_reply']);
    expect(await execution.reply).toEqual({ status: 'ok' });
    expect(other.seen).toContain('stream:hello');
    expect(kernel.connections).toBe(1);
  });

  it('sends its options', async () => {
    const { kernel, backend } = await setUp();
    await kernel.execute('x', { silent: true, stopOnError: false, userExpressions: { a: 'b' } }).reply;
    expect(backend.last.kernel.received[0]?.parseContent()).toEqual({
      code: 'x',
      silent: true,
      store_history: false,
      user_expressions: { a: 'b' },
      allow_stdin: false,
      stop_on_error: false,
    });
  });

  it('answers input()', async () => {
    const { kernel } = await setUp();
    const prompts: unknown[] = [];
    const execution = kernel.execute('input name?', {
      onInput: (prompt, password) => {
        prompts.push([prompt, password]);
        return 'Ada';
      },
    });
    expect(await collect(execution)).toEqual([
      'status:busy',
      'input_request',
      'stream:Ada',
      'status:idle',
      'execute_reply',
    ]);
    expect(prompts).toEqual([['name?', false]]);
  });

  it('fails with what onInput threw', async () => {
    const { kernel } = await setUp();
    const execution = kernel.execute('input name?', {
      onInput: () => {
        throw new Error('nobody at home');
      },
    });
    await expect(execution.reply).rejects.toThrow('nobody at home');
    await expect(collect(execution)).rejects.toThrow('nobody at home');
  });

  it('interrupts the kernel when time is up', async () => {
    const { kernel, backend, clock } = await setUp();
    const execution = kernel.execute('hang', { timeoutMs: 3_000 });
    const collecting = collect(execution);
    collecting.catch(() => undefined);
    await clock.advance(3_000);
    await expect(collecting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(execution.reply).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(backend.last.calls).toEqual(['interrupt']);
    expect(kernel.executionState).toBe('idle');
    expect(clock.pending).toBeLessThanOrEqual(1);
  });

  it('does not interrupt somebody else whose cell runs instead', async () => {
    const { kernel, backend } = await setUp();
    backend.last.kernel.handle = () => undefined;
    const controller = new AbortController();
    const execution = kernel.execute('later', { signal: controller.signal });
    controller.abort();
    await expect(execution.reply).rejects.toMatchObject({ code: 'CANCELLED' });
    await settle();
    expect(backend.last.calls).toEqual([]);
  });

  it('is never sent when its signal has been aborted', async () => {
    const { kernel, backend } = await setUp();
    const execution = kernel.execute('x', { signal: AbortSignal.abort() });
    await expect(execution.reply).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(backend.last.kernel.received).toEqual([]);
  });

  it('goes on when the loop is left early', async () => {
    const { kernel } = await setUp();
    const execution = kernel.execute('hang');
    for await (const message of execution) {
      expect(describeMessage(message)).toBe('status:busy');
      break;
    }
    await kernel.interrupt();
    expect(await execution.reply).toEqual({ status: 'error' });
  });

  it('needs no reader for its reply, and a late reader finds a marker where output was dropped', async () => {
    const { kernel, backend } = await setUp();
    const execution = kernel.execute('hang');
    const request = backend.last.kernel.received[0];
    for (let n = 0; n < 500; n += 1) backend.last.kernel.publish('stream', { name: 'stdout', text: 'x' }, request);
    await kernel.interrupt();
    expect(await execution.reply).toEqual({ status: 'error' });
    const seen = await collect(execution);
    expect(seen.length).toBeLessThan(60);
    expect(seen[1]).toMatch(/messages \(\d+ bytes\) were dropped here/);
    expect(seen.slice(-2)).toEqual(['status:idle', 'execute_reply']);
  });

  it('does not wait for ever for an idle that was lost', async () => {
    const { kernel, backend, clock } = await setUp();
    const execution = kernel.execute('hang');
    backend.last.kernel.publishes = false;
    await kernel.interrupt();
    const collecting = collect(execution);
    await clock.advance(10_000);
    expect(await collecting).toEqual(['status:busy', 'execute_reply']);
  });

  it('survives the restart of a kernel that has not got it yet', async () => {
    const { kernel } = await setUp();
    const restarting = kernel.restart();
    const execution = kernel.execute('print late');
    await restarting;
    expect(await execution.reply).toEqual({ status: 'ok' });
  });

  it('fails when its kernel is restarted or shut down', async () => {
    const { kernel } = await setUp();
    const first = kernel.execute('hang');
    await kernel.restart();
    await expect(first.reply).rejects.toMatchObject({ code: 'KERNEL_DIED' });
    const second = kernel.execute('hang');
    await kernel.shutdown({ now: true });
    await expect(collect(second)).rejects.toMatchObject({ code: 'KERNEL_DIED' });
    await expect(kernel.execute('x').reply).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });
});
