import { executeRequest, roundTrip, waitUntilReady } from './client.ts';
import type { BenchmarkClient } from './client.ts';
import { measureFlood, measureRoundTrips } from './measure/conversation.ts';
import { measureConcurrentLaunches, measureIdle, measureLaunch } from './measure/kernels.ts';
import { processStats, resetPeakRss } from './process-stats.ts';
import { rawClient } from './raw-client.ts';
import { startRawKernel } from './raw-kernel.ts';
import type { Report } from './report.ts';
import { startServer } from './server.ts';
import type { RunningServer, ServerDefinition } from './server.ts';
import { median } from './statistics.ts';

export interface ScenarioOptions {
  readonly folder: string;
  readonly kernels: Readonly<Record<'bench-python' | 'bench-fake' | 'bench-flood', readonly string[]>>;
  /** What `{root}`, `{python}`, `{node}` mean in server definitions. */
  readonly values: Readonly<Record<string, string>>;
  readonly repetitions: number;
  readonly roundTrips: number;
  readonly env: NodeJS.ProcessEnv;
}

const LINES = 20_000;
const PAYLOAD_BYTES = 50_000_000;
const floodCode = `for i in range(${LINES}): print(i, flush=True)`;
const payloadCode = `print('x' * ${PAYLOAD_BYTES})`;

/** The same conversations without any server. */
export async function benchmarkRaw(report: Report, options: ScenarioOptions): Promise<void> {
  const argv = options.kernels['bench-python'];
  const launches: number[] = [];
  for (let i = 0; i < options.repetitions; i += 1) {
    const start = performance.now();
    await using kernel = await startRawKernel({ ...options, argv });
    const client = await rawClient(kernel.connectionFile);
    await waitUntilReady(client);
    await roundTrip(client, executeRequest(''));
    launches.push(performance.now() - start);
    client.close();
  }
  report.add('raw client', 'launch to first reply, median', { value: median(launches), unit: 'ms' });
  await using kernel = await startRawKernel({ ...options, argv });
  const client = await rawClient(kernel.connectionFile);
  await waitUntilReady(client);
  await converse(report, { name: 'raw client', pid: undefined, client, options });
  client.close();
}

/** Everything about one server. */
export async function benchmarkServer(
  report: Report,
  definition: ServerDefinition,
  options: ScenarioOptions,
): Promise<void> {
  const coldStarts: number[] = [];
  for (let i = 0; i < options.repetitions; i += 1) {
    await using server = await startServer(definition, options);
    coldStarts.push(server.coldStartMs);
  }
  report.add(definition.name, 'cold start to first 200, median', { value: median(coldStarts), unit: 'ms' });
  await using server = await startServer(definition, options);
  const launches: number[] = [];
  for (let i = 0; i < options.repetitions; i += 1) launches.push(await measureLaunch(server, 'bench-python'));
  report.add(server.name, 'launch to first reply, median', { value: median(launches), unit: 'ms' });
  const id = await server.start('bench-python');
  const client = await server.connect(id);
  await waitUntilReady(client);
  await converse(report, { name: server.name, pid: server.pid, client, options });
  client.close();
  await server.shutdown(id);
  await kernelsOfServer(report, server);
}

interface Conversation {
  readonly name: string;
  /** The server's process; undefined for the raw client. */
  readonly pid: number | undefined;
  readonly client: BenchmarkClient;
  readonly options: ScenarioOptions;
}

async function converse(report: Report, { name, pid, client, options }: Conversation): Promise<void> {
  const cpuBefore = pid === undefined ? undefined : (await processStats(pid)).cpuMs;
  const trips = await measureRoundTrips(client, options.roundTrips);
  report.add(name, 'round trip p50', { value: trips.p50Ms, unit: 'ms' });
  report.add(name, 'round trip p99', { value: trips.p99Ms, unit: 'ms' });
  if (pid !== undefined && cpuBefore !== undefined) {
    const used = (await processStats(pid)).cpuMs - cpuBefore;
    report.add(name, 'CPU per round trip', { value: used / options.roundTrips, unit: 'ms' });
  }
  const flood = await measureFlood(client, { code: floodCode, lines: LINES, silenceMs: 10_000 });
  report.add(name, `flood of ${LINES} lines from ipykernel`, {
    value: flood.messages / flood.seconds,
    unit: 'messages/s',
  });
  report.add(name, 'lines lost in that flood', { value: flood.lost, unit: 'lines' });
  const before = pid === undefined ? undefined : await processStats(pid);
  if (pid !== undefined) await resetPeakRss(pid);
  const large = await measureFlood(client, { code: payloadCode, lines: 1, silenceMs: 30_000 });
  report.add(name, '50 MB output', { value: large.bytes / 1e6 / large.seconds, unit: 'MB/s' });
  if (pid !== undefined && before !== undefined) {
    const growth = (await processStats(pid)).peakRssBytes - before.rssBytes;
    report.add(name, 'peak growth during it', { value: growth / PAYLOAD_BYTES, unit: '× payload' });
  }
}

async function kernelsOfServer(report: Report, server: RunningServer): Promise<void> {
  const idle = await measureIdle(server, 'bench-fake', 20);
  report.add(server.name, 'open files per idle kernel', { value: idle.alone.openFiles, unit: 'files' });
  report.add(server.name, 'memory per idle kernel', { value: idle.alone.rssBytes / 1024, unit: 'KiB' });
  report.add(server.name, 'open files per kernel with a client', { value: idle.connected.openFiles, unit: 'files' });
  report.add(server.name, 'memory per kernel with a client', { value: idle.connected.rssBytes / 1024, unit: 'KiB' });
  for (const count of [20, 100]) {
    const burst = await measureConcurrentLaunches(server, 'bench-fake', count);
    report.add(server.name, `${count} launches at once, failed`, { value: burst.failed, unit: 'kernels' });
    report.add(server.name, `${count} launches at once, all answered`, { value: burst.seconds, unit: 's' });
    report.add(server.name, `GET /api meanwhile (${count}), p99`, { value: burst.apiP99Ms, unit: 'ms' });
  }
}
