import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { scanJsonObject } from './json-scanner.ts';

const scan = (text: string, ...keys: string[]) => scanJsonObject(Buffer.from(text), new Set(keys));

function parses(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function scans(text: string): boolean {
  try {
    scan(text, 'a');
    return true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
}

describe('scanJsonObject', () => {
  test('returns the raw text of members, untouched', () => {
    const members = scan(
      '{ "n" : 12345678901234567890 , "t":"\\ud800\\u00e9", "o":{"b":1,"a":[ 2 ]},"x":1e-7}',
      'n',
      't',
      'o',
    );
    expect([...members].map(([key, text]) => [key, text.toString()])).toEqual([
      ['n', '12345678901234567890'],
      ['t', '"\\ud800\\u00e9"'],
      ['o', '{"b":1,"a":[ 2 ]}'],
    ]);
  });

  test('the last of two equal keys wins, however it is written', () => {
    expect(scan('{"a":1,"\\u0061":2}', 'a').get('a')?.toString()).toBe('2');
  });

  test('depth costs no stack', () => {
    const depth = 200_000;
    const text = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(scan(text, 'a').get('a')?.length).toBe(2 * depth);
  });

  test.each([
    ['', 'expected an object at the end'],
    ['[]', 'expected an object at byte 0'],
    ['{"a":1}x', 'expected the end at byte 7'],
    ['{"a" 1}', 'expected ":" at byte 5'],
    ['{"a":1 "b":2}', 'expected "," or "}" at byte 7'],
    ['{"a":[1 2]}', 'expected "," or "]" at byte 8'],
    ['{"a":{"b":1]}', 'expected "," or "}" at byte 11'],
    ['{"a":tru}', 'expected true at byte 8'],
    ['{"a":01}', 'expected "," or "}" at byte 6'],
    ['{"a":-}', 'expected a digit at byte 6'],
    ['{"a":"\\x"}', 'expected an escape at byte 7'],
    ['{"a":"\\u12g4"}', 'expected four hex digits at byte 10'],
    ['{"a":"\n"}', 'expected an escape instead of a control character at byte 6'],
    ['{"a":"b', 'expected the end of the string at the end'],
    ['{a:1}', 'expected a string at byte 1'],
    ['{"a":}', 'expected a value at byte 5'],
  ])('%j is refused: %s', (text, message) => {
    expect(() => scan(text, 'a')).toThrow(`not JSON: ${message}`);
  });

  test('reads every object that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.nat(4), (object, indent) => {
        const members = scanJsonObject(
          Buffer.from(JSON.stringify(object, undefined, indent)),
          new Set(Object.keys(object)),
        );
        expect(members.size).toBe(Object.keys(object).length);
        for (const [key, value] of Object.entries(object)) {
          expect(members.get(key)?.toString()).toBe(
            // Inner lines keep the indentation of where they stand.
            JSON.stringify(value, undefined, indent).replaceAll('\n', `\n${' '.repeat(indent)}`),
          );
        }
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test('accepts what JSON.parse accepts, and nothing else', () => {
    // Few characters, all of which mean something: random text then often comes close to JSON.
    const characters = fc.constantFrom(
      ...'{}[]",:\\u0019-+.eE tfnrulsa\n\t\u0001é'.split(''),
      'true',
      'null',
      '"a":',
      '\\u00',
    );
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 12 }), (pieces) => {
        const inner = pieces.join('');
        for (const text of [inner, `{"a":${inner}}`, `{"a":[${inner}]}`, `{"a":"${inner}"}`, `{${inner}}`]) {
          if (scans(text) !== parses(text)) throw new Error(`scanner and JSON.parse disagree on ${text}`);
        }
      }),
      { numRuns: 5_000, seed: 2 },
    );
  });
});
