import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { Clock } from '@gateway-provisioners/core';
import { StartQueue } from './start-queue.ts';

interface BusyClock extends Clock {
  readonly pending: number;
  /** Lets time pass; each timer comes `lateMs` after it was due, as on a machine that is busy. */
  advance(ms: number, lateMs?: number): Promise<void>;
}

function busyClock(): BusyClock {
  let now = 1_000_000;
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>();
  return {
    now: () => now,
    schedule(delayMs, callback) {
      const timer = { at: now + delayMs, callback };
      timers.add(timer);
      return () => {
        timers.delete(timer);
      };
    },
    get pending() {
      return timers.size;
    },
    async advance(ms, lateMs = 0) {
      const until = now + ms;
      for (;;) {
        const [next] = [...timers].sort((a, b) => a.at - b.at);
        if (next === undefined || next.at + lateMs > until) break;
        timers.delete(next);
        now = Math.max(now, next.at + lateMs);
        next.callback();
        await setImmediate();
      }
      now = until;
      await setImmediate();
    },
  };
}

const LATE_MS = 10;

/** A queue, and a kernel of each name that wants to start. */
function bench(width: number) {
  const clock = busyClock();
  const queue = new StartQueue({ clock, width });
  const started: string[] = [];
  const finishes = new Map<string, () => void>();
  const begin = async (name: string, signal?: AbortSignal): Promise<void> => {
    const start = (): Promise<void> => {
      started.push(name);
      return new Promise((resolve) => finishes.set(name, resolve));
    };
    await queue.run(start, { signal });
  };
  const finish = async (name: string): Promise<void> => {
    finishes.get(name)?.();
    await setImmediate();
  };
  return { clock, started, begin, finish };
}

test('a kernel that is alone starts at once and leaves no timer', async () => {
  const { clock, started, begin, finish } = bench(1);
  const alone = begin('a');
  expect(started).toEqual(['a']);
  await finish('a');
  await alone;
  expect(clock.pending).toBe(0);
});

test('on a busy machine as many start as there is width, the others in order as these come up', async () => {
  const { clock, started, begin, finish } = bench(2);
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => begin(name));
  await clock.advance(500, LATE_MS);
  expect(started).toEqual(['a', 'b']);
  await finish('b');
  expect(started).toEqual(['a', 'b', 'c']);
  await finish('a');
  expect(started).toEqual(['a', 'b', 'c', 'd']);
  await finish('c');
  expect(started).toEqual(['a', 'b', 'c', 'd', 'e']);
  for (const name of started) await finish(name);
  await Promise.all(all);
  expect(clock.pending).toBe(0);
});

test('a machine that is not busy gets more: kernels that hang hold up nobody', async () => {
  const { clock, started, begin } = bench(2);
  for (const name of ['hangs 1', 'hangs 2', 'hangs 3', 'hangs 4', 'works']) void begin(name);
  await clock.advance(24);
  expect(started).toHaveLength(2);
  await clock.advance(76);
  expect(started.at(-1)).toBe('works');
});

test('on a machine that stays busy a kernel that hangs gives its place up after a second', async () => {
  const { clock, started, begin } = bench(1);
  void begin('hangs');
  void begin('works');
  await clock.advance(990, LATE_MS);
  expect(started).toEqual(['hangs']);
  await clock.advance(20, LATE_MS);
  expect(started).toEqual(['hangs', 'works']);
});

test('a place that was given up is not given up again', async () => {
  const { clock, started, begin, finish } = bench(1);
  void begin('hangs');
  void begin('next');
  void begin('last');
  await clock.advance(1_010, LATE_MS);
  await finish('hangs');
  expect(started).toEqual(['hangs', 'next']);
  await finish('next');
  expect(started).toEqual(['hangs', 'next', 'last']);
});

test('who aborts leaves the queue', async () => {
  const { clock, started, begin, finish } = bench(1);
  const first = begin('a');
  const leaving = new AbortController();
  const left = begin('b', leaving.signal);
  const staying = begin('c');
  leaving.abort(new Error('nobody wants it any more'));
  await expect(left).rejects.toMatchObject({ code: 'CANCELLED' });
  await finish('a');
  expect(started).toEqual(['a', 'c']);
  await finish('c');
  await Promise.all([first, staying]);
  expect(clock.pending).toBe(0);
});

test('who is aborted before is not let in', async () => {
  const { started, begin, finish } = bench(1);
  await expect(begin('a', AbortSignal.abort(new Error('too late')))).rejects.toMatchObject({ code: 'CANCELLED' });
  const next = begin('b');
  expect(started).toEqual(['b']);
  await finish('b');
  await next;
});

test('a start that fails gives its place up, and its failure is its caller’s', async () => {
  const queue = new StartQueue({ clock: busyClock(), width: 1 });
  const failing = queue.run(() => Promise.reject(new Error('no such program')), { signal: undefined });
  const next = queue.run(() => Promise.resolve('up'), { signal: undefined });
  await expect(failing).rejects.toThrow('no such program');
  await expect(next).resolves.toBe('up');
});
