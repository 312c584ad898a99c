import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SettingSchema } from '@gateway-provisioners/core';
import { byteCount, count, numberText, objectMap, oneOf, optional, seconds, text, textMap } from './schemas.ts';

const read = (schema: SettingSchema<unknown>, value: unknown) => schema['~standard'].validate(value);

describe('schemas of settings', () => {
  test.each<{ what: string; schema: SettingSchema<unknown>; given: unknown; value: unknown }>([
    { what: 'text', schema: text(), given: '', value: '' },
    { what: 'text of a pattern', schema: text({ pattern: /^a+$/ }), given: 'aa', value: 'aa' },
    { what: 'a number as text', schema: numberText(), given: 5, value: '5' },
    { what: 'a word', schema: oneOf(['a', 'b']), given: 'b', value: 'b' },
    {
      what: 'a word in another spelling',
      schema: oneOf(['warn'], (word) => word.toLowerCase()),
      given: 'WARN',
      value: 'warn',
    },
    { what: 'nothing', schema: optional(text()), given: undefined, value: undefined },
    { what: 'something', schema: optional(count({ min: 0 })), given: '3', value: 3 },
    { what: 'a count', schema: count({ min: -1 }), given: -1, value: -1 },
    { what: 'a count as text', schema: count({ min: 0, max: 65_535 }), given: ' 65535 ', value: 65_535 },
    { what: 'seconds', schema: seconds({ min: 0.1 }), given: '0.5', value: 0.5 },
    { what: 'bytes', schema: byteCount({ min: 1 }), given: '1.5 KiB', value: 1536 },
    { what: 'a map', schema: textMap(), given: { a: 'b' }, value: { a: 'b' } },
    { what: 'a map as JSON', schema: textMap(), given: '{"a":"b"}', value: { a: 'b' } },
    {
      what: 'objects',
      schema: objectMap(),
      given: { a: { b: [1, null, { c: true }] } },
      value: { a: { b: [1, null, { c: true }] } },
    },
  ])('read $what', ({ schema, given, value }) => {
    expect(read(schema, given)).toEqual({ value });
  });

  test.each<{ what: string; schema: SettingSchema<unknown>; given: unknown; message: RegExp }>([
    { what: 'text', schema: text(), given: 5, message: /^expected text$/ },
    {
      what: 'text of a pattern',
      schema: text({ pattern: /^a+$/, expected: 'many a' }),
      given: 'b',
      message: /^expected many a$/,
    },
    { what: 'a number as text', schema: numberText(), given: true, message: /text or a number/ },
    { what: 'a word', schema: oneOf(['a', 'b']), given: 'c', message: /^expected one of: a, b$/ },
    { what: 'a word', schema: oneOf(['a', 'b']), given: ['a'], message: /one of/ },
    { what: 'something', schema: optional(text()), given: null, message: /expected text/ },
    { what: 'a count', schema: count({ min: 0, max: 9 }), given: 10, message: /a whole number, from 0 to 9/ },
    { what: 'a count', schema: count({ min: 0 }), given: -1, message: /at least 0/ },
    { what: 'a count', schema: count({ min: 0 }), given: '1.5', message: /whole number/ },
    { what: 'a count', schema: count({ min: 0 }), given: '', message: /whole number/ },
    { what: 'a count', schema: count({ min: 0 }), given: true, message: /whole number/ },
    { what: 'seconds', schema: seconds({ min: 0 }), given: Number.NaN, message: /expected seconds/ },
    { what: 'seconds', schema: seconds({ min: 0 }), given: 'Infinity', message: /expected seconds/ },
    { what: 'bytes', schema: byteCount({ min: 10 }), given: '9 B', message: /at least 10 bytes/ },
    { what: 'a map', schema: textMap(), given: { a: 1 }, message: /texts, which "a" is not/ },
    { what: 'a map', schema: textMap(), given: ['a'], message: /an object of texts/ },
    { what: 'a map', schema: textMap(), given: new Map([['a', 'b']]), message: /an object of texts/ },
    { what: 'a map', schema: textMap(), given: '{"a":', message: /an object of texts/ },
    { what: 'objects', schema: objectMap(), given: { a: 'b' }, message: /objects, which "a" is not/ },
    { what: 'objects', schema: objectMap(), given: { a: { b: Symbol('s') } }, message: /objects, which "a" is not/ },
  ])('refuse what is not $what: $given', ({ schema, given, message }) => {
    expect(read(schema, given)).toEqual({ issues: [{ message: expect.stringMatching(message) }] });
  });

  test('read any JSON object, and give an answer about everything else', () => {
    const object = fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        fc.jsonValue(),
      ),
    );
    fc.assert(
      fc.property(object, (value) => {
        expect(read(objectMap(), JSON.stringify(value))).toEqual({
          value: JSON.parse(JSON.stringify(value)) as unknown,
        });
      }),
    );
    const schemas = [text(), oneOf(['a']), count({ min: 0 }), seconds({ min: 0 }), byteCount({ min: 1 }), textMap()];
    fc.assert(
      fc.property(fc.constantFrom(...schemas), fc.anything(), (schema, value) => {
        expect(Object.keys(read(schema, value))).toHaveLength(1);
      }),
    );
  });
});
