import { describe, expect, test } from '@jest/globals';
import { ProvisionerError } from '../errors.ts';
import {
  ManualClock,
  SeededRandom,
  SkippingClock,
  disturb,
  disturbDeep,
  fuzzTarget,
  mutateBytes,
  mutateText,
  sharedFuzzTarget,
} from './index.ts';

describe('SeededRandom', () => {
  test('repeats itself for a seed, and for no other', () => {
    const numbers = (seed: number) => {
      const random = new SeededRandom(seed);
      return Array.from({ length: 20 }, () => random.below(1000));
    };
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
  });

  test('keeps to its ranges and reaches all of them', () => {
    const random = new SeededRandom(7);
    const seen = new Set(Array.from({ length: 1000 }, () => random.below(10)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const fractions = Array.from({ length: 1000 }, () => random.fraction());
    expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...fractions)).toBeLessThan(0.05);
    expect(Math.max(...fractions)).toBeLessThan(1);
    expect(Math.max(...fractions)).toBeGreaterThan(0.95);
    expect(random.bytes(5)).toHaveLength(5);
    expect(() => random.pick([])).toThrow(RangeError);
  });
});

describe('changed inputs', () => {
  test('differ from the input as a rule, which stays as it was', () => {
    const random = new SeededRandom(3);
    const bytes = Buffer.from('{"a": [1, 2, 3]}');
    const fields = Object.freeze({ a: 1, b: 2 });
    const nested = Object.freeze({ a: Object.freeze({ b: Object.freeze([Object.freeze({ c: 1 }), 2]) }) });
    const results = Array.from({ length: 200 }, () => [
      mutateBytes(bytes, random).toString('latin1'),
      mutateText(bytes.toString(), random),
      JSON.stringify(disturb(fields, random)),
      JSON.stringify(disturbDeep(nested, random)),
    ]);
    for (const column of [0, 1, 2, 3]) expect(new Set(results.map((row) => row[column])).size).toBeGreaterThan(20);
    expect(bytes.toString()).toBe('{"a": [1, 2, 3]}');
    const deep = results.map((row) => row[3] ?? '');
    // Within the list, in the object that it holds and beside it.
    expect(deep.some((text) => text.startsWith('{"a":{"b":[') && !text.includes('"c":1'))).toBe(true);
    expect(deep.some((text) => text.startsWith('{"a":{"b":[{"c":1}') && !text.includes(',2]'))).toBe(true);
  });
});

describe('fuzzTarget', () => {
  test('counts what is accepted and what is refused with its code', async () => {
    const { runs, accepted } = await fuzzTarget('halves', 'PROTOCOL_ERROR', (random) => {
      if (random.below(2) === 0) throw new ProvisionerError('PROTOCOL_ERROR', 'no');
      return true;
    }).run(1, 0);
    expect(runs).toBe(100);
    expect(accepted).toBeGreaterThan(20);
    expect(accepted).toBeLessThan(80);
  });

  test.each([new ProvisionerError('INVALID_STATE', 'odd'), new TypeError('odd')])(
    'ends at anything else, with the input that did it: %p',
    async (error) => {
      const target = fuzzTarget('odd', 'PROTOCOL_ERROR', (random) => {
        if (random.below(10) === 0) throw error;
        return true;
      });
      await expect(target.run(5, 0)).rejects.toThrow(/^odd: input \d+ of seed 5: .*odd/);
      const later = fuzzTarget('later', 'PROTOCOL_ERROR', () => Promise.reject(error));
      await expect(later.run(5, 0)).rejects.toThrow(/^later: input 1 of seed 5: .*odd/);
    },
  );

  test('small ones share the time, and what one of them finds is told', async () => {
    const times: number[] = [];
    const small = (accepted: number) => ({
      name: 'small',
      run: (_seed: number, durationMs: number) => {
        times.push(durationMs);
        return { runs: 10, accepted };
      },
    });
    expect(await sharedFuzzTarget('both', [small(1), small(2)]).run(1, 100)).toEqual({ runs: 20, accepted: 3 });
    expect(times).toEqual([50, 50]);
    const broken = fuzzTarget('broken', 'PROTOCOL_ERROR', () => Promise.reject(new TypeError('odd')));
    await expect(sharedFuzzTarget('both', [small(1), broken]).run(1, 0)).rejects.toThrow(/^broken: input 1 of seed 1/);
  });
});

describe('ManualClock', () => {
  test('runs what is due, in order, with what that schedules', async () => {
    const clock = new ManualClock();
    const start = clock.now();
    const ran: string[] = [];
    const note = (name: string) => () => ran.push(`${name} at ${clock.now() - start}`);
    clock.schedule(20, note('later'));
    clock.schedule(10, () => {
      note('first')();
      clock.schedule(5, note('nested'));
    });
    clock.schedule(10, note('second'));
    clock.schedule(15, note('cancelled'))();
    await clock.advance(19);
    expect(ran).toEqual(['first at 10', 'second at 10', 'nested at 15']);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    expect(ran.at(-1)).toBe('later at 20');
  });
});

describe('SkippingClock', () => {
  test('goes on by itself, and leaves out what it is told to', async () => {
    const clock = new SkippingClock();
    await new Promise<void>((resolve) => {
      clock.schedule(1, resolve);
    });
    const ran: string[] = [];
    const cancelLast = clock.schedule(3_000_000, () => ran.push('last'));
    clock.schedule(2_000_000, () => {
      ran.push('second');
      cancelLast();
    });
    clock.schedule(1_000_000, () => ran.push('first'));
    clock.schedule(500_000, () => ran.push('cancelled'))();
    const before = clock.now();
    clock.skip(1_500_000);
    expect(clock.now() - before).toBeGreaterThan(1_400_000);
    expect(ran).toEqual(['first']);
    clock.skip(5_000_000);
    expect(ran).toEqual(['first', 'second']);
  });

  test('brings nearer what is not yet due', async () => {
    const clock = new SkippingClock();
    const run = new Promise<void>((resolve) => {
      clock.schedule(3_600_000, resolve);
    });
    clock.skip(3_599_990);
    await run;
  });
});
