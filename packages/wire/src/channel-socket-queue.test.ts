import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SendQueue } from './channel-socket-queue.ts';

test('keeps order and counts bytes through any sequence of pushes, takes and settles', () => {
  const step = fc.oneof(
    fc.record({ push: fc.nat(50) }),
    fc.record({ take: fc.nat(100) }),
    fc.constant({ settle: true } as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new SendQueue('shell', 1_000_000);
      const waiting: Buffer[] = [];
      let inFlight = 0;
      for (const next of steps) {
        if ('push' in next) {
          const frame = Buffer.alloc(next.push);
          waiting.push(frame);
          queue.push([frame]);
        } else if ('take' in next) {
          const batch = queue.take(next.take);
          const sizes = batch.map(([frame]) => frame?.length ?? -1);
          const wanted = waiting.splice(0, batch.length);
          expect(batch.every(([frame], index) => frame === wanted[index])).toBe(true);
          if (batch.length > 1) expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(next.take);
          if (batch.length === 0) expect(waiting).toEqual([]);
          inFlight += sizes.reduce((a, b) => a + b, 0);
        } else {
          queue.settle();
          inFlight = 0;
        }
        const counted = queue.bytes === inFlight + waiting.reduce((total, frame) => total + frame.length, 0);
        if (!counted || queue.isEmpty !== (waiting.length === 0)) throw new Error('miscounted');
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('stays small while it moves along', () => {
  const queue = new SendQueue('shell', 1000);
  let taken = 0;
  queue.push([Buffer.from('ahead')]);
  for (let index = 0; index < 10_000; index += 1) {
    queue.push([Buffer.from('b')]);
    taken += queue.take(1).length;
    queue.settle();
  }
  expect(taken).toBe(10_000);
  queue.take(1);
  queue.settle();
  expect(queue.bytes).toBe(0);
  expect(queue.isSettled).toBe(true);
});

test('names the limit and the channel when it is full', () => {
  const queue = new SendQueue('control', 10);
  queue.push([Buffer.alloc(10)]);
  expect(() => {
    queue.push([Buffer.alloc(1)]);
  }).toThrow(/10 \+ 1 bytes exceed maxQueuedBytes 10 \[channel=control\]/);
});

test('empties at once', () => {
  const queue = new SendQueue('shell', 10);
  queue.push([Buffer.alloc(5)]);
  queue.take(1);
  queue.push([Buffer.alloc(5)]);
  queue.clear();
  expect(queue.bytes).toBe(0);
  expect(queue.take(100)).toEqual([]);
});
