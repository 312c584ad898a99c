import { expect, it } from '@jest/globals';
import * as core from './index.ts';
import { readmeExample } from './testing/readme-example.ts';

it('runs the example of the README, which prints what its comments say', async () => {
  const example = await readmeExample(new URL('../README.md', import.meta.url));
  const printed: unknown[][] = [];
  const load = (name: string): Promise<unknown> =>
    name === '@gateway-provisioners/core' ? Promise.resolve(core) : import(name);
  await example.run({ load, console: { log: (...values: unknown[]) => printed.push(values) } });
  expect(printed).toEqual([
    ['the end of the program: nothing within 100 ms'],
    ['SIGTERM', 'started'],
    [['python3']],
    [true],
  ]);
});
