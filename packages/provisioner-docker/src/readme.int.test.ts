import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { gatewayAddress, hostEnv } from './testing/docker-bench.ts';

/** The example as a function: its imports go through `load`, so that it runs from sources. */
function compile(
  example: string,
): (load: (name: string) => Promise<unknown>, console: unknown, process: unknown) => Promise<void> {
  const body = example.replace(/^import (.*) from ('.*');$/gm, 'const $1 = await load($2);');
  const {
    constructor,
  } = async () => {
    await Promise.resolve();
  };
  return Reflect.construct(constructor, ['load', 'console', 'process', body]) as ReturnType<typeof compile>;
}

test('runs the example of the README', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const printed: unknown[] = [];
  const env = { ...hostEnv, HOME: process.env['HOME'], GP_RESPONSE_IP: gatewayAddress() };
  await compile(example)((name) => import(name), { log: (line: unknown) => printed.push(line) }, { env });
  expect(printed).toEqual(['hello from gp-test/kernel-py']);
});
