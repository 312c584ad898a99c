import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import * as core from '@gateway-provisioners/core';
import { transform } from '@swc/core';
import * as wire from './index.ts';
import * as testing from './testing/index.ts';

const modules: Readonly<Record<string, unknown>> = {
  '@gateway-provisioners/core': core,
  '@gateway-provisioners/wire': wire,
  '@gateway-provisioners/wire/testing': testing,
};

type Example = (load: (name: string) => unknown, console: unknown) => Promise<void>;

/** The example as a function: its imports go through `load`, so that it runs from sources. */
async function compile(example: string): Promise<Example> {
  const typed = example.replace(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = load($2);');
  const { code } = await transform(`async function example(load, console) {${typed}}`, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
  });
  const make = Reflect.construct(Function, [`${code}; return example;`]) as () => Example;
  return make();
}

test('the example of the README prints what its comments say', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const printed: unknown[] = [];
  const run = await compile(example);
  await run((name) => modules[name], { log: (value: unknown) => printed.push(value) });
  const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
  expect(promised).toHaveLength(1);
  expect(printed).toEqual(promised);
});
