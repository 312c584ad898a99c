import { expect, test } from '@jest/globals';
import { eventually } from '../testing/listener-bench.ts';
import { FairQueue } from './fair-queue.ts';

test('sources take turns, and the event loop runs in between', async () => {
  const queue = new FairQueue();
  const done: string[] = [];
  let turns = 0;
  const tick = (): void => {
    turns += 1;
    if (done.length < 104) setImmediate(tick);
  };
  setImmediate(tick);
  for (let at = 0; at < 100; at += 1) queue.add('flood', () => done.push('flood'));
  for (const source of ['a', 'b', 'a', 'b']) queue.add(source, () => done.push(source));
  await eventually(() => done.length === 104);
  expect(done.slice(0, 8)).toEqual(['flood', 'flood', 'a', 'b', 'flood', 'a', 'b', 'flood']);
  expect(turns).toBeGreaterThan(50);
  queue.add('later', () => done.push('later'));
  await eventually(() => done.length === 105);
});
