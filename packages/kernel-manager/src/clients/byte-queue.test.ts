import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteQueue, CHUNK_BYTES } from './byte-queue.ts';

describe('ByteQueue', () => {
  it('gives back the bytes in order, whatever the sizes', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 3 * CHUNK_BYTES }));
    const operation = fc.record({ what: fc.constantFrom('push', 'take', 'skip', 'trim'), size });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const queue = new ByteQueue();
        let [first, next] = [0, 0];
        // The byte at place n of the stream is n modulo a prime, so that a shift shows.
        const stretch = (from: number, to: number) =>
          Buffer.from(Uint8Array.from({ length: to - from }, (_, index) => (from + index) % 251));
        for (const { what, size: wanted } of operations) {
          const count = Math.min(wanted, next - first);
          if (what === 'push') {
            queue.push(stretch(next, next + wanted));
            next += wanted;
          } else if (what === 'trim') queue.trim();
          else {
            if (what === 'skip') queue.skip(count);
            else if (!queue.take(Buffer.alloc(count)).equals(stretch(first, first + count))) return false;
            first += count;
          }
          if (queue.length !== next - first) return false;
        }
        return queue.take(Buffer.alloc(queue.length)).equals(stretch(first, next)) && queue.length === 0;
      }),
      { numRuns: 100 },
    );
  });

  it('stays at its size while it is filled as fast as it is emptied, and gives memory up when trimmed', () => {
    const queue = new ByteQueue();
    const message = Buffer.alloc(3_000);
    const full = 10 * CHUNK_BYTES;
    while (queue.length < full) queue.push(message);
    for (let n = 0; n < 20_000; n += 1) {
      queue.skip(message.length);
      queue.push(message);
    }
    expect(queue.allocatedBytes).toBeLessThanOrEqual(full + 2 * CHUNK_BYTES);
    queue.skip(queue.length - message.length);
    queue.trim();
    expect(queue.allocatedBytes).toBeLessThanOrEqual(2 * CHUNK_BYTES);
    queue.skip(message.length);
    queue.trim();
    expect(queue.allocatedBytes).toBe(0);
  });

  it('refuses to give what it does not have', () => {
    const queue = new ByteQueue();
    queue.push(Buffer.from('ab'));
    expect(() => {
      queue.skip(3);
    }).toThrow(RangeError);
    expect(queue.take(Buffer.alloc(2)).toString()).toBe('ab');
  });
});
