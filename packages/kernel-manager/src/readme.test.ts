import { expect, it } from '@jest/globals';
import { readmeExample } from '@gateway-provisioners/core/testing';
import * as local from '@gateway-provisioners/provisioner-local';
import * as manager from './index.ts';

const modules: Readonly<Record<string, unknown>> = {
  '@gateway-provisioners/kernel-manager': manager,
  '@gateway-provisioners/provisioner-local': local,
};

it('runs the example of the README, which prints what its comments say', async () => {
  const example = await readmeExample(new URL('../README.md', import.meta.url));
  const printed: unknown[] = [];
  await example.run({ load: (name) => modules[name], console: { log: (value: unknown) => printed.push(value) } });
  const promised = [...example.text.matchAll(/console\.log\(.*; \/\/ (.*)$/gm)].map(([, text]) => text);
  expect(promised).toEqual(['hello', 'idle']);
  expect(printed).toEqual(promised);
});
