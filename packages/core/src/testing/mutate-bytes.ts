import { Buffer } from 'node:buffer';
import type { SeededRandom } from './seeded-random.ts';

/** Numbers at which decoders break: zero, one, the ends of the integer types, ends of exactness. */
const EDGES = [0n, 1n, 5n, 0x7fn, 0xffn, 0xffffn, 0x7fffffffn, 0xffffffffn, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/** Changes some bytes of a valid input: the way past a decoder's first checks. */
export function mutateBytes(input: Buffer, random: SeededRandom): Buffer {
  let result = input;
  for (let count = 1 + random.below(3); count > 0; count -= 1) result = mutateOnce(result, random);
  return result;
}

function mutateOnce(input: Buffer, random: SeededRandom): Buffer {
  const at = random.below(input.length + 1);
  switch (random.below(7)) {
    case 0:
      return input.subarray(0, at);
    case 1:
      return Buffer.concat([input.subarray(0, at), random.bytes(1 + random.below(8)), input.subarray(at)]);
    case 2:
      return Buffer.concat([input.subarray(0, at), input.subarray(at + 1 + random.below(8))]);
    case 3:
      return Buffer.concat([input, input.subarray(at)]);
    case 4:
      return overwrite(input, at, edge(random));
    case 5:
      return overwrite(input, at & ~7, edge(random));
    default:
      return overwrite(input, at, random.bytes(1));
  }
}

function edge(random: SeededRandom): Buffer {
  const wide = Buffer.alloc(8);
  if (random.below(2) === 0) wide.writeBigUInt64LE(random.pick(EDGES));
  else wide.writeBigUInt64BE(random.pick(EDGES));
  return random.below(2) === 0 ? wide : wide.subarray(4);
}

function overwrite(input: Buffer, at: number, bytes: Buffer): Buffer {
  const result = Buffer.from(input);
  bytes.copy(result, at);
  return result;
}
