import { expect, test } from '@jest/globals';
import { readResults } from './python-tests.ts';

test('a test with parts fails when one fails, is skipped when all are', () => {
  const line = (name: string, outcome: 'passed' | 'failed' | 'skipped', text = '') => ({ name, outcome, text });
  const { results, traffic } = readResults([
    line('mixed', 'passed'),
    line('mixed', 'failed', 'first'),
    line('mixed', 'skipped'),
    line('mixed', 'failed', 'second'),
    line('mixed', 'passed'),
    line('partly', 'skipped', 'why'),
    line('partly', 'passed'),
    line('partly', 'skipped'),
    line('not', 'skipped', 'why'),
    { traffic: { messages: 2 } },
  ]);
  expect(Object.fromEntries(results)).toEqual({
    mixed: { outcome: 'failed', text: 'first\nsecond' },
    partly: { outcome: 'passed', text: '' },
    not: { outcome: 'skipped', text: '' },
  });
  expect(traffic).toEqual({ messages: 2 });
});

test('anything else among the results is an error', () => {
  expect(() => readResults([{ name: 'x' }])).toThrow('not a result');
});
