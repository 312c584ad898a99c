import { expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import * as hello from './index.ts';

/** The example as a function: its imports go through `load`, so that it runs from sources. */
function compile(example: string): (load: (name: string) => Promise<unknown>, console: unknown) => Promise<void> {
  const body = example
    .replace(/^import (\{.*\}) from ('.*');$/gm, 'const $1 = await load($2);')
    .replace(/^import (\w+) from ('.*');$/gm, 'const { default: $1 } = await load($2);');
  const {
    constructor,
  } = async () => {
    await Promise.resolve();
  };
  return Reflect.construct(constructor, ['load', 'console', body]) as ReturnType<typeof compile>;
}

it('runs the example of the README', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const printed: unknown[] = [];
  const load = (name: string): Promise<unknown> =>
    name === 'provisioner-hello' ? Promise.resolve(hello) : import(name);
  await compile(example)(load, { log: (line: unknown) => printed.push(line) });
  expect(printed).toEqual(['function']);
});
