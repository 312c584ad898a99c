import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fillArgv, usesPlaceholder } from './argv-template.ts';

describe('fillArgv', () => {
  test('fills known names, leaves unknown and undefined ones alone', () => {
    const argv = ['python', '-f', '{connection_file}', '--{kernel_id}-{nobody}', '{resource_dir}/x', '{a b}', '{}'];
    expect(fillArgv(argv, { connection_file: '/r/c.json', kernel_id: 'k', resource_dir: undefined })).toEqual([
      'python',
      '-f',
      '/r/c.json',
      '--k-{nobody}',
      '{resource_dir}/x',
      '{a b}',
      '{}',
    ]);
  });

  test('an inherited name of objects is not a value', () => {
    expect(fillArgv(['{constructor} {toString} {__proto__}'], {})).toEqual(['{constructor} {toString} {__proto__}']);
  });

  test('inserts values as data: nothing in them is replaced again or read as a pattern', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, value) => {
        const values = { value, kernel_id: 'WRONG' };
        const safe = before.replaceAll(/[{}]/g, '');
        expect(fillArgv([`${safe}{value}`], values)).toEqual([`${safe}${value}`]);
      }),
    );
    expect(fillArgv(['{a}'], { a: '{b} $& $1 $$', b: 'WRONG' })).toEqual(['{b} $& $1 $$']);
  });

  test('any argument without placeholders is unchanged', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (argv) => {
        expect(fillArgv(argv, {})).toEqual(argv);
      }),
    );
  });

  test('usesPlaceholder looks into arguments', () => {
    expect(usesPlaceholder(['x', 'a{prefix}b'], 'prefix')).toBe(true);
    expect(usesPlaceholder(['x', '{ prefix }'], 'prefix')).toBe(false);
  });
});
