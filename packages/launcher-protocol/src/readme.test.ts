import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import * as launcherProtocol from './index.ts';
import * as testing from './testing/index.ts';

const modules: Readonly<Record<string, unknown>> = {
  '@gateway-provisioners/launcher-protocol': launcherProtocol,
  '@gateway-provisioners/launcher-protocol/testing': testing,
};

/** The example as a function: its imports go through `load`, so that it runs from sources. */
function compile(example: string): (load: (name: string) => unknown, console: unknown) => Promise<void> {
  // Node 20 has no `await using`: what is disposed of at the end of the example is put on a list.
  const body = example
    .replace(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = load($2);')
    .replace(/^await using (\w+) = (.*);$/gm, 'const $1 = $2; disposables.unshift($1);');
  const {
    constructor,
  } = async () => {
    await Promise.resolve();
  };
  const whole = `const disposables = []; try { ${body} } finally { for (const it of disposables) await it[Symbol.asyncDispose](); }`;
  return Reflect.construct(constructor, ['load', 'console', whole]) as ReturnType<typeof compile>;
}

it('runs the example of the README, which prints what its comments say', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const printed: string[] = [];
  await compile(example)((name) => modules[name], { log: (value: unknown) => printed.push(String(value)) });
  const promised = [...example.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map(([, text]) => text);
  expect(promised).toHaveLength(4);
  expect(printed).toEqual(promised);
});
