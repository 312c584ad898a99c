import { expect, it } from '@jest/globals';
import { readmeExample } from '@gateway-provisioners/core/testing';

it('runs the example of the README', async () => {
  const example = await readmeExample(new URL('../README.md', import.meta.url));
  const printed: unknown[] = [];
  await example.run({ load: (name) => import(name), console: { log: (line: unknown) => printed.push(line) } });
  expect(printed).toEqual(['available']);
});
