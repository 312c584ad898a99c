import type { SeededRandom } from './seeded-random.ts';

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
export function mutateText(input: string, random: SeededRandom): string {
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

/** As {@link disturb}, at any depth: also the objects that members and lists hold. */
export function disturbDeep(fields: Readonly<Record<string, unknown>>, random: SeededRandom): Record<string, unknown> {
  const nested = Object.entries(fields).filter(([, value]) => isNested(value));
  if (nested.length === 0 || random.below(3) === 0) return disturb(fields, random);
  const [key, value] = random.pick(nested);
  return { ...fields, [key]: disturbNested(value, random) };
}

function disturbNested(value: unknown, random: SeededRandom): unknown {
  if (Array.isArray(value)) {
    const at = random.below(value.length);
    return value.map((item: unknown, index) => (index === at ? disturbNested(item, random) : item));
  }
  return isObject(value) ? disturbDeep(value, random) : random.pick(ODD_VALUES);
}

function isNested(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : isObject(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
