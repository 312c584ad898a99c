import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../clock.ts';
import type { ProcessTable } from './process-table.ts';
import { ProcessWatcher } from './process-watcher.ts';

/** A clock whose one timer fires when the test says so. */
function steppedClock() {
  const timers = new Set<() => void>();
  let background = true;
  const clock: Clock = {
    now: () => 0,
    schedule(_delayMs, callback, options) {
      background &&= options?.background === true;
      timers.add(callback);
      return () => void timers.delete(callback);
    },
  };
  const step = async (): Promise<void> => {
    for (const callback of [...timers]) {
      timers.delete(callback);
      callback();
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, step, timers, onlyBackground: () => background };
}

function watcherOf(live: Map<number, string>) {
  const time = steppedClock();
  const lookups: (readonly number[])[] = [];
  let failing = false;
  const table: ProcessTable = {
    lookup: (pids) => {
      lookups.push(pids);
      if (failing) return Promise.reject(new Error('no table'));
      const found = pids.filter((pid) => live.has(pid));
      return Promise.resolve(new Map(found.map((pid) => [pid, { pid, pgid: pid, startTime: live.get(pid) ?? '' }])));
    },
    groupMembers: () => Promise.resolve([]),
    withVariable: () => Promise.resolve([]),
  };
  const watcher = new ProcessWatcher({ table, clock: time.clock });
  return { ...time, watcher, lookups, fail: (value: boolean) => (failing = value) };
}

describe('ProcessWatcher', () => {
  it('looks once for all, and tells of an end and of a number that was given out again', async () => {
    const live = new Map([
      [10, 'a'],
      [11, 'b'],
      [12, 'c'],
    ]);
    const { watcher, step, lookups, onlyBackground } = watcherOf(live);
    const ended: number[] = [];
    for (const [pid, startTime] of live) watcher.watch({ pid, startTime }, () => ended.push(pid));
    await step();
    expect([lookups, ended]).toEqual([[[10, 11, 12]], []]);
    live.delete(10);
    live.set(11, 'another start');
    await step();
    expect(ended).toEqual([10, 11]);
    await step();
    expect(lookups.at(-1)).toEqual([12]);
    expect(onlyBackground()).toBe(true);
  });

  it('stops when nothing is watched', async () => {
    const { watcher, step, timers, lookups } = watcherOf(new Map([[10, 'a']]));
    const cancel = watcher.watch({ pid: 10, startTime: 'a' }, () => undefined);
    expect(timers.size).toBe(1);
    cancel();
    cancel();
    expect(timers.size).toBe(0);
    await step();
    expect(lookups).toEqual([]);
  });

  it('takes a failed look for no news', async () => {
    const live = new Map<number, string>();
    const { watcher, step, fail } = watcherOf(live);
    const ended: number[] = [];
    watcher.watch({ pid: 10, startTime: 'a' }, () => ended.push(10));
    fail(true);
    await step();
    expect(ended).toEqual([]);
    fail(false);
    await step();
    expect(ended).toEqual([10]);
  });
});
