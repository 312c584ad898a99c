import { afterAll, expect, test } from '@jest/globals';
import { SwarmBenches, onWorker } from './testing/swarm-bench.ts';

const benches = new SwarmBenches();
afterAll(async () => {
  await benches[Symbol.asyncDispose]();
});

test('a kernel on the node that is asked is measured; of one on another node its manager knows nothing', async () => {
  await using bench = await benches.open({ config: { resource_spec: { mem_limit: '512m' } } });
  await using far = await benches.open({ config: onWorker });
  const [kernel, other] = await Promise.all([bench.launch(), far.launch()]);
  const stats = await kernel.stats?.();
  expect(stats).toMatchObject({ memoryLimitBytes: 512 << 20 });
  expect(stats?.memoryBytes).toBeGreaterThan(1 << 20);
  expect(stats?.cpuMs).toBeGreaterThan(1);
  expect(stats?.threads).toBeGreaterThan(1);
  expect(await other.stats?.()).toBeUndefined();
  await Promise.all([kernel.kill(), other.kill()]);
  expect(await kernel.stats?.()).toBeUndefined();
  expect([...(await bench.leftovers()), ...(await far.leftovers())]).toEqual([]);
});
