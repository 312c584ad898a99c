import { expect, test } from '@jest/globals';
import { readmeExample } from '@gateway-provisioners/core/testing';
import { hostEnv, required } from './testing/swarm-bench.ts';

test('runs the example of the README', async () => {
  const example = await readmeExample(new URL('../README.md', import.meta.url));
  const printed: unknown[] = [];
  const env = { ...hostEnv, HOME: process.env['HOME'], GP_RESPONSE_IP: required('GP_SWARM_HOST_IP') };
  const log = (line: unknown) => printed.push(line);
  await example.run({ load: (name) => import(name), console: { log }, process: { env } });
  expect(printed).toEqual(['hello from swarm']);
});
