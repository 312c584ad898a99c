import { Buffer } from 'node:buffer';

/** A small seeded generator (mulberry32): the same inputs on every machine. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

const TOKENS = [
  '{',
  '}',
  '"',
  ',',
  ':',
  '0',
  '-1',
  '1e9',
  'null',
  'true',
  '[]',
  '\n',
  '=',
  '%',
  '\u0000',
  '\ud800',
  'é',
  '2',
];

/** Changes a valid text in some places: the way past a parser's first checks. */
export function mutate(input: string, random: SeededRandom): string {
  let result = input;
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.below(result.length + 1);
    const rest = at + random.below(9);
    result = random.pick([
      () => result.slice(0, at),
      () => result.slice(0, at) + result.slice(rest),
      () => result.slice(0, at) + random.pick(TOKENS) + result.slice(at),
      () => result.slice(0, at) + random.pick(TOKENS) + result.slice(rest),
      () => result.slice(0, rest) + result.slice(at),
    ])();
  }
  return result;
}

const ODD_VALUES: readonly unknown[] = [
  null,
  '',
  '7',
  7,
  -1,
  0.5,
  65_536,
  1e300,
  [],
  {},
  true,
  'x'.repeat(300),
  'a'.repeat(40),
  'AAAA',
  '::1',
  '\ud800',
];

/** Removes fields of a valid object, or replaces their values by odd ones. Half of the time it changes nothing. */
export function disturb(fields: Readonly<Record<string, unknown>>, random: SeededRandom): Record<string, unknown> {
  const result = { ...fields };
  if (random.below(2) === 0) return result;
  for (let count = 1 + random.below(2); count > 0; count -= 1) {
    const key = random.pick([...Object.keys(fields), '__proto__', 'extra']);
    Object.defineProperty(result, key, {
      value: random.below(4) === 0 ? undefined : random.pick(ODD_VALUES),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return result;
}
