import { describe, expect, it, jest } from '@jest/globals';
import { getEventListeners } from 'node:events';
import type { Clock } from './clock.ts';
import { abortError, delay, openDeadline, raceSignal, throwIfAborted, withDeadline } from './deadline.ts';
import { ProvisionerError } from './errors.ts';

/** Time that the test moves. */
function manualClock(): Clock & { advance(ms: number): void; readonly pending: number } {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    schedule(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      now += ms;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer);
        timer.callback();
      }
    },
    get pending() {
      return timers.size;
    },
  };
}

const listenersOf = (controller: AbortController) => getEventListeners(controller.signal, 'abort').length;
const never = () => new Promise<never>(() => undefined);

describe('openDeadline', () => {
  it('aborts at its deadline, saying what was waited for', () => {
    const clock = manualClock();
    using scope = openDeadline({ timeoutMs: 100, what: 'kernel_info_reply', clock });
    clock.advance(99);
    expect([scope.signal.aborted, scope.remainingMs()]).toEqual([false, 1]);
    clock.advance(1);
    expect(scope.signal.reason).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'kernel_info_reply: nothing within 100 ms',
    });
    expect(scope.remainingMs()).toBe(0);
  });

  it('aborts with the outer signal, also when that was aborted before', () => {
    const outer = new AbortController();
    using scope = openDeadline({ signal: outer.signal, timeoutMs: Infinity, what: 'x', clock: manualClock() });
    const reason = new Error('stop');
    outer.abort(reason);
    expect(scope.signal.reason).toBe(reason);
    using late = openDeadline({ signal: outer.signal, timeoutMs: 10, what: 'x', clock: manualClock() });
    expect(late.signal.reason).toBe(reason);
  });

  it('leaves neither timer nor listener behind', () => {
    const clock = manualClock();
    const outer = new AbortController();
    for (let round = 0; round < 100; round += 1) {
      using scope = openDeadline({ signal: outer.signal, timeoutMs: 10, what: 'x', clock });
      expect(scope.signal.aborted).toBe(false);
    }
    expect([clock.pending, listenersOf(outer)]).toEqual([0, 0]);
  });
});

describe('withDeadline', () => {
  it('gives the result and cleans up', async () => {
    const clock = manualClock();
    const outer = new AbortController();
    expect(await withDeadline({ signal: outer.signal, timeoutMs: 10, what: 'x', clock }, () => 7)).toBe(7);
    expect([clock.pending, listenersOf(outer)]).toEqual([0, 0]);
  });

  it('rejects at the deadline although the work ignores its signal, and cleans up', async () => {
    const clock = manualClock();
    const outer = new AbortController();
    const waiting = withDeadline({ signal: outer.signal, timeoutMs: 10, what: 'x', clock }, never);
    clock.advance(10);
    await expect(waiting).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect([clock.pending, listenersOf(outer)]).toEqual([0, 0]);
  });

  it('does not begin for an aborted caller', async () => {
    const work = jest.fn();
    await expect(withDeadline({ signal: AbortSignal.abort(), timeoutMs: 10, what: 'x' }, work)).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(work).not.toHaveBeenCalled();
  });

  it('passes on what the work throws', async () => {
    const failing = () => Promise.reject(new Error('broken'));
    await expect(withDeadline({ timeoutMs: 1000, what: 'x' }, failing)).rejects.toThrow('broken');
  });
});

describe('raceSignal', () => {
  it('settles with the promise and removes its listener', async () => {
    const controller = new AbortController();
    expect(await raceSignal(Promise.resolve(1), controller.signal)).toBe(1);
    await expect(raceSignal(Promise.reject(new Error('x')), controller.signal)).rejects.toThrow('x');
    expect(await raceSignal(Promise.resolve(2), undefined)).toBe(2);
    expect(listenersOf(controller)).toBe(0);
  });

  it('does not let the rejection of the loser go unhandled', async () => {
    let reject: (reason: Error) => void = () => undefined;
    const loser = new Promise<never>((_, fail) => {
      reject = fail;
    });
    const unhandled = jest.fn();
    process.once('unhandledRejection', unhandled);
    await expect(raceSignal(loser, AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
    reject(new Error('late'));
    await delay(0);
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('delay', () => {
  it('waits, and stops waiting when aborted, without a timer left', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const waiting = delay(10, { clock, signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
    const other = delay(10, { clock });
    clock.advance(10);
    await other;
    expect([clock.pending, listenersOf(controller)]).toEqual([0, 0]);
  });
});

describe('abortError', () => {
  it('keeps our own reasons and wraps others', () => {
    const ours = new ProvisionerError('LAUNCH_TIMEOUT', 'm');
    expect(abortError(AbortSignal.abort(ours))).toBe(ours);
    expect(abortError(AbortSignal.abort('why'))).toMatchObject({ code: 'CANCELLED', cause: 'why' });
    expect(() => {
      throwIfAborted(AbortSignal.abort(ours));
    }).toThrow(ours);
    throwIfAborted(undefined);
    throwIfAborted(new AbortController().signal);
  });
});
