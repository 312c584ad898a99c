import { describe, expect, it } from '@jest/globals';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage, RoutedMessage } from '@gateway-provisioners/wire';
import type { Clock } from '@gateway-provisioners/core';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import { IdleHold, sendsOutputAfterIdle } from './idle-hold.ts';

const session = 'kernel';
const request = (msgId: string) => createMessage({ channel: 'shell', msgType: 'execute_request', session, msgId });
const iopub = (msgType: string, content: Record<string, string>, parent: KernelMessage): RoutedMessage => ({
  message: createMessage({ channel: 'iopub', msgType, content, session, parent }),
  route: { to: 'all' },
});

describe('IdleHold', () => {
  const first = request('first');
  const second = request('second');
  const idle = iopub('status', { execution_state: 'idle' }, first);
  const result = iopub('stream', { name: 'stdout', text: 'late' }, first);
  const other = iopub('status', { execution_state: 'busy' }, second);

  const hold = (clock: Clock) => {
    const delivered: RoutedMessage[] = [];
    const idleHold = new IdleHold(clock, (batch) => delivered.push(...batch));
    const pass = (...batch: RoutedMessage[]) => delivered.push(...idleHold.pass(batch));
    return { delivered, idleHold, pass };
  };

  it('delivers output that came after idle before it', async () => {
    const clock = new ManualClock();
    const { delivered, pass } = hold(clock);
    pass(idle, other);
    await clock.advance(20);
    pass(result);
    await clock.advance(20);
    expect(delivered).toEqual([other, result]);
    await clock.advance(10);
    expect(delivered).toEqual([other, result, idle]);
  });

  it('waits for output that is there to be read when its time is over', async () => {
    const due: (() => void)[] = [];
    const clock: Clock = { now: () => 0, schedule: (_delayMs, callback) => (due.push(callback), () => undefined) };
    const { delivered, pass } = hold(clock);
    pass(idle);
    setImmediate(() => {
      pass(result);
    });
    due[0]?.();
    await settle();
    expect(delivered).toEqual([result]);
    due[1]?.();
    await settle();
    expect(delivered).toEqual([result, idle]);
  });

  it('delivers nothing of a kernel that has ended', async () => {
    const clock = new ManualClock();
    const { delivered, idleHold, pass } = hold(clock);
    pass(idle);
    idleHold.clear();
    await clock.advance(1000);
    expect(delivered).toEqual([]);
  });
});

it.each([
  [{ implementation: 'Deno kernel' }, true],
  [{ implementation: 'spark', banner: 'Apache Toree' }, true],
  [{ implementation: 'ipython' }, false],
  [{}, false],
  [undefined, false],
])('whether output may come after idle: %j: %j', (info, expected) => {
  expect(sendsOutputAfterIdle(info)).toBe(expected);
});
