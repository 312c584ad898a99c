import { waitUntilReady } from './client.ts';
import type { BenchmarkClient } from './client.ts';
import { measureRoundTrips } from './measure/conversation.ts';
import type { RoundTrips } from './measure/conversation.ts';
import { processStats } from './process-stats.ts';
import { rawClient } from './raw-client.ts';
import { startRawKernel } from './raw-kernel.ts';
import type { Report } from './report.ts';
import type { ScenarioOptions } from './scenario.ts';
import { startServer } from './server.ts';
import type { ServerDefinition } from './server.ts';
import { median } from './statistics.ts';

/** Code is compiled in earnest only after some thousand calls. */
const WARM_UP = 2_000;
const BLOCKS = 10;

/**
 * Round trips with a raw client and through a server in turn, block by block, so that what else the machine does hits
 * both. What the server adds is the median of the blocks' differences.
 */
export async function benchmarkRoundTrips(
  report: Report,
  definition: ServerDefinition,
  options: ScenarioOptions,
): Promise<void> {
  await using kernel = await startRawKernel({ ...options, argv: options.kernels['bench-python'] });
  const raw = await rawClient(kernel.connectionFile);
  await waitUntilReady(raw);
  await using server = await startServer(definition, options);
  const id = await server.start('bench-python');
  const client = await server.connect(id);
  await waitUntilReady(client);
  await measureRoundTrips(raw, WARM_UP);
  await measureRoundTrips(client, WARM_UP);
  const direct: RoundTrips[] = [];
  const served: (RoundTrips & { readonly cpuMs: number })[] = [];
  for (let block = 0; block < BLOCKS; block += 1) {
    direct.push(await measureRoundTrips(raw, options.roundTrips));
    served.push(await withCpu(server.pid, client, options.roundTrips));
  }
  const add = (subject: string, what: string, values: readonly number[]): void => {
    report.add(subject, what, { value: median(values), unit: 'ms' });
  };
  const { name } = definition;
  for (const [percentile, pick] of percentiles) {
    add(`raw client`, `round trip ${percentile}`, direct.map(pick));
    add(name, `round trip ${percentile}`, served.map(pick));
    add(
      name,
      `added to it, ${percentile}`,
      served.map((block, index) => pick(block) - pick(direct[index] ?? block)),
    );
  }
  add(
    name,
    'CPU per round trip',
    served.map(({ cpuMs }) => cpuMs),
  );
  raw.close();
  client.close();
  await server.shutdown(id);
}

const percentiles: readonly (readonly [string, (trips: RoundTrips) => number])[] = [
  ['p50', ({ p50Ms }) => p50Ms],
  ['p99', ({ p99Ms }) => p99Ms],
];

async function withCpu(
  pid: number,
  client: BenchmarkClient,
  count: number,
): Promise<RoundTrips & { readonly cpuMs: number }> {
  const before = (await processStats(pid)).cpuMs;
  const trips = await measureRoundTrips(client, count);
  return { ...trips, cpuMs: ((await processStats(pid)).cpuMs - before) / count };
}
