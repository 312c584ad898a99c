import { expect, it } from '@jest/globals';
import { readmeExample } from '@gateway-provisioners/core/testing';
import * as launcherProtocol from './index.ts';
import * as testing from './testing/index.ts';

const modules: Readonly<Record<string, unknown>> = {
  '@gateway-provisioners/launcher-protocol': launcherProtocol,
  '@gateway-provisioners/launcher-protocol/testing': testing,
};

/** Node 20 has no `await using`: what is disposed of at the end of the example is put on a list. */
function disposing(body: string): string {
  const listed = body.replace(/^await using (\w+) = (.*);$/gm, 'const $1 = $2; disposables.unshift($1);');
  return `const disposables = []; try { ${listed} } finally { for (const it of disposables) await it[Symbol.asyncDispose](); }`;
}

it('runs the example of the README, which prints what its comments say', async () => {
  const example = await readmeExample(new URL('../README.md', import.meta.url), { rewrite: disposing });
  const printed: string[] = [];
  const log = (value: unknown) => printed.push(String(value));
  await example.run({ load: (name) => modules[name], console: { log } });
  const promised = [...example.text.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map(([, text]) => text);
  expect(promised).toHaveLength(4);
  expect(printed).toEqual(promised);
});
