import { waitUntilReady } from './client.ts';
import type { BenchmarkClient } from './client.ts';
import { measureRoundTrips } from './measure/conversation.ts';
import type { RoundTrips } from './measure/conversation.ts';
import { processStats } from './process-stats.ts';
import { preferProcesses } from './processor-share.ts';
import { rawClient } from './raw-client.ts';
import { startRawKernel } from './raw-kernel.ts';
import type { Report } from './report.ts';
import type { ScenarioOptions } from './scenario.ts';
import { startServer } from './server.ts';
import type { ServerDefinition } from './server.ts';
import { startBridge } from './start-bridge.ts';
import { median } from './statistics.ts';

/** Code is compiled in earnest only after some thousand calls. */
const WARM_UP = 2_000;
const BLOCKS = 10;

interface Block extends RoundTrips {
  /** Of the process between client and kernel, for each round trip. */
  readonly cpuMs: number;
  readonly waitedMs: number;
}

interface Subject {
  readonly name: string;
  readonly client: BenchmarkClient;
  /** The process between client and kernel, if there is one. */
  readonly pid: number | undefined;
  readonly blocks: Block[];
}

/**
 * Round trips with a raw client, over a minimal bridge and through a server in turn, block by block, so that what else the
 * machine does hits all. What lies in between adds the median of the blocks' differences. Each has a kernel of its own:
 * a kernel publishes to everybody who listens.
 */
export async function benchmarkRoundTrips(
  report: Report,
  definition: ServerDefinition,
  options: ScenarioOptions,
): Promise<void> {
  const kernelOptions = { ...options, argv: options.kernels['bench-python'] };
  await using kernel = await startRawKernel(kernelOptions);
  await using bridgedKernel = await startRawKernel(kernelOptions);
  await using bridge = await startBridge(bridgedKernel.connectionFile);
  await using server = await startServer(definition, options);
  const id = await server.start('bench-python');
  const raw = subject('raw client', undefined, await rawClient(kernel.connectionFile));
  const bridged = subject('minimal bridge', bridge.pid, await bridge.connect());
  const served = subject(definition.name, server.pid, await server.connect(id));
  const subjects = [raw, served, bridged];
  for (const { client } of subjects) await waitUntilReady(client);
  if (options.nice !== undefined) {
    await preferProcesses([process.pid, bridge.pid, server.pid], options.nice);
  }
  for (const { client } of subjects) await measureRoundTrips(client, WARM_UP);
  for (let block = 0; block < BLOCKS; block += 1) {
    for (const each of subjects) each.blocks.push(await measureBlock(each, options.roundTrips));
  }
  for (const each of subjects) summarise(report, each, raw);
  for (const { client } of subjects) client.close();
  await server.shutdown(id);
}

function subject(name: string, pid: number | undefined, client: BenchmarkClient): Subject {
  return { name, client, pid, blocks: [] };
}

const percentiles: readonly (readonly [string, (trips: RoundTrips) => number])[] = [
  ['p50', ({ p50Ms }) => p50Ms],
  ['p99', ({ p99Ms }) => p99Ms],
];

function summarise(report: Report, { name, pid, blocks }: Subject, raw: Subject): void {
  const add = (what: string, values: readonly number[]): void => {
    report.add(name, what, { value: median(values), unit: 'ms' });
  };
  for (const [percentile, pick] of percentiles) {
    add(`round trip ${percentile}`, blocks.map(pick));
    if (pid === undefined) continue;
    add(
      `added to it, ${percentile}`,
      blocks.map((block, index) => pick(block) - pick(raw.blocks[index] ?? block)),
    );
  }
  if (pid === undefined) return;
  add(
    'CPU per round trip',
    blocks.map(({ cpuMs }) => cpuMs),
  );
  add(
    'waiting for a processor, per round trip',
    blocks.map(({ waitedMs }) => waitedMs),
  );
}

async function measureBlock({ pid, client }: Subject, count: number): Promise<Block> {
  const before = pid === undefined ? undefined : await processStats(pid);
  const trips = await measureRoundTrips(client, count);
  if (pid === undefined || before === undefined) return { ...trips, cpuMs: 0, waitedMs: 0 };
  const after = await processStats(pid);
  return {
    ...trips,
    cpuMs: (after.cpuMs - before.cpuMs) / count,
    waitedMs: (after.waitedMs - before.waitedMs) / count,
  };
}
