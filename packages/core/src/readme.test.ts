import { expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import * as core from './index.ts';

/** The example as a function: its imports go through `load`, so that it runs from sources. */
function compile(example: string): (load: (name: string) => Promise<unknown>, console: unknown) => Promise<void> {
  const body = example.replace(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = await load($2);');
  const {
    constructor,
  } = async () => {
    await Promise.resolve();
  };
  return Reflect.construct(constructor, ['load', 'console', body]) as ReturnType<typeof compile>;
}

it('runs the example of the README, which prints what its comments say', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const printed: unknown[][] = [];
  const load = (name: string): Promise<unknown> =>
    name === '@gateway-provisioners/core' ? Promise.resolve(core) : import(name);
  await compile(example)(load, { log: (...values: unknown[]) => printed.push(values) });
  expect(printed).toEqual([
    ['the end of the program: nothing within 100 ms'],
    ['SIGTERM', 'started'],
    [['python3']],
    [true],
  ]);
});
