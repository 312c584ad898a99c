import { expect, test } from '@jest/globals';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { SpawnTurns } from './spawn-turns.ts';

function bench() {
  const clock = new ManualClock();
  const turns = new SpawnTurns({ clock });
  const started: string[] = [];
  const begin = async (name: string, tookMs: number, signal?: AbortSignal): Promise<void> => {
    const start = async (): Promise<void> => {
      started.push(name);
      await clock.advance(tookMs);
    };
    await turns.run(start, { signal });
  };
  return { clock, started, begin };
}

test('one that is alone starts at once', async () => {
  const { started, begin } = bench();
  await begin('a', 3);
  expect(started).toEqual(['a']);
});

test('others follow in order, each after a pause as long as the start before it', async () => {
  const { clock, started, begin } = bench();
  await begin('a', 10);
  const others = [begin('b', 0), begin('c', 0)];
  await clock.advance(9);
  expect(started).toEqual(['a']);
  await clock.advance(1);
  await Promise.all(others);
  expect(started).toEqual(['a', 'b', 'c']);
});

test('a slow start is not paid for twice', async () => {
  const { clock, started, begin } = bench();
  await begin('a', 5_000);
  const next = begin('b', 0);
  await clock.advance(25);
  await next;
  expect(started).toEqual(['a', 'b']);
});

test('who aborts leaves the queue, and the others keep their order and their pauses', async () => {
  const { clock, started, begin } = bench();
  const leaving = new AbortController();
  await begin('a', 10);
  const left = begin('b', 0, leaving.signal);
  const last = begin('c', 0);
  leaving.abort(new Error('nobody wants it any more'));
  await expect(left).rejects.toMatchObject({ code: 'CANCELLED' });
  await clock.advance(9);
  expect(started).toEqual(['a']);
  await clock.advance(1);
  await last;
  expect(started).toEqual(['a', 'c']);
});

test('a start that fails is its caller’s failure, and not the next one’s', async () => {
  const turns = new SpawnTurns({ clock: new ManualClock() });
  const failing = turns.run(() => Promise.reject(new Error('no such program')), {});
  const next = turns.run(() => Promise.resolve('up'), {});
  await expect(failing).rejects.toThrow('no such program');
  await expect(next).resolves.toBe('up');
});
