import { expect, it } from '@jest/globals';
import { readmeExample } from '@gateway-provisioners/core/testing';

it('runs the example of the README', async () => {
  const example = await readmeExample(new URL('../README.md', import.meta.url), {
    rewrite: (body) => body.replaceAll('import.meta.url', JSON.stringify(import.meta.url)),
  });
  const printed: unknown[][] = [];
  const print = (...line: unknown[]) => printed.push(line);
  await example.run({ load: (name) => import(name), console: { log: print, warn: () => undefined } });
  // Of what a machine has, only the kernel from npm is sure to be there.
  expect(printed).toContainEqual(['deno', 'Deno (TypeScript)', 'local-provisioner']);
});
