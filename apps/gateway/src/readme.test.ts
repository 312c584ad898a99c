import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import * as gateway from './index.ts';

type Example = (load: () => typeof gateway, console: unknown, process: unknown) => Promise<void>;

/** The example as a function: its import comes from the sources, and it prints to the test. */
function compile(example: string): Example {
  const body = example.replace(/^import (\{[^}]*\}) from '@gateway-provisioners\/gateway';$/m, 'const $1 = load();');
  const {
    constructor,
  } = async () => {
    await Promise.resolve();
  };
  return Reflect.construct(constructor, ['load', 'console', 'process', body]) as Example;
}

test('the example of the README prints what its comments say', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const printed: string[] = [];
  const console = { log: (value: unknown) => printed.push(String(value)) };
  await compile(example)(() => gateway, console, { env: { PATH: process.env['PATH'], HOME: tmpdir() } });
  const promised = [...example.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map(([, text]) => text);
  expect(promised).toHaveLength(3);
  expect(printed).toEqual(promised);
});
