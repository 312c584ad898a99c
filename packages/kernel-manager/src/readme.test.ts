import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import * as local from '@gateway-provisioners/provisioner-local';
import * as manager from './index.ts';

const modules: Readonly<Record<string, unknown>> = {
  '@gateway-provisioners/kernel-manager': manager,
  '@gateway-provisioners/provisioner-local': local,
};

/** The example as a function: its imports go through `load`, so that it runs from sources. */
function compile(example: string): (load: (name: string) => unknown, console: unknown) => Promise<void> {
  const body = example.replace(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = load($2);');
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
  const printed: unknown[] = [];
  await compile(example)((name) => modules[name], {
    log: (value: unknown) => printed.push(value),
  });
  const promised = [...example.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map(([, text]) => text);
  expect(promised).toEqual(['hello', 'idle']);
  expect(printed).toEqual(promised);
});
