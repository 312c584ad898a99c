import { executeRequest, roundTrip, waitUntilReady } from './client.ts';
import type { BenchmarkClient } from './client.ts';
import { measureFlood } from './measure/conversation.ts';
import { heapUseEnv, takeUsedBytes } from './measure/heap-use.ts';
import { measureConcurrentLaunches, measureIdle, measureLaunch } from './measure/kernels.ts';
import type { UsedIdleCost } from './measure/kernels.ts';
import { loopDelayEnv, takeLoopDelay } from './measure/loop-delay.ts';
import { measureLaunchBaseline } from './measure/launch-baseline.ts';
import type { Probe } from './measure/probe.ts';
import { processStats, resetPeakRss } from './process-stats.ts';
import { rawClient } from './raw-client.ts';
import { startRawKernel } from './raw-kernel.ts';
import type { Report } from './report.ts';
import { startServer } from './server.ts';
import type { ServerDefinition } from './server.ts';
import { median } from './statistics.ts';

export interface ScenarioOptions {
  readonly folder: string;
  readonly kernels: Readonly<Record<'bench-python' | 'bench-fake' | 'bench-flood', readonly string[]>>;
  /** What `{root}`, `{python}`, `{node}` mean in server definitions. */
  readonly values: Readonly<Record<string, string>>;
  readonly repetitions: number;
  /** In each of the blocks whose median counts. */
  readonly roundTrips: number;
  /** Nice value at which round trips get the processors before other work; undefined: like everybody else. */
  readonly nice: number | undefined;
  readonly env: NodeJS.ProcessEnv;
}

const BURSTS = [20, 100];
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
  await converse(report, { name: 'raw client', pid: undefined, client });
  client.close();
}

/** Many launches at once, and what else is asked meanwhile. */
export async function benchmarkBursts(
  report: Report,
  definition: ServerDefinition,
  options: ScenarioOptions,
): Promise<void> {
  const isNode = definition.runtime === 'node';
  const env = isNode ? { ...options.env, ...loopDelayEnv(options.folder) } : options.env;
  await using server = await startServer(definition, { ...options, env });
  const warmUp = await server.start('bench-fake');
  await server.shutdown(warmUp);
  for (const count of BURSTS) {
    if (isNode) await takeLoopDelay(server.pid, options.folder);
    const burst = await measureConcurrentLaunches(server, 'bench-fake', {
      count,
      ...(isNode ? { takeLoopDelay: () => takeLoopDelay(server.pid, options.folder) } : {}),
    });
    report.add(server.name, `${count} launches at once, failed`, { value: burst.failed, unit: 'kernels' });
    reportBurst(report, { name: server.name, count, ...burst });
    if (burst.loopDelay !== undefined) {
      report.add(server.name, `its event loop late (${count}), p99`, { value: burst.loopDelay.p99Ms, unit: 'ms' });
    }
    report.add(server.name, `CPU of the server per launch (${count})`, { value: burst.cpuMs, unit: 'ms' });
  }
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
  await converse(report, { name: server.name, pid: server.pid, client });
  client.close();
  await server.shutdown(id);
}

interface Conversation {
  readonly name: string;
  /** The server's process; undefined for the raw client. */
  readonly pid: number | undefined;
  readonly client: BenchmarkClient;
}

async function converse(report: Report, { name, pid, client }: Conversation): Promise<void> {
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

/** What kernels cost that nobody uses, without and with a client: in a process that does nothing else. */
export async function benchmarkIdle(
  report: Report,
  definition: ServerDefinition,
  options: ScenarioOptions,
): Promise<void> {
  const isNode = definition.runtime === 'node';
  const env = isNode ? { ...options.env, ...heapUseEnv(options.folder) } : options.env;
  await using server = await startServer(definition, { ...options, env });
  const idle = await measureIdle(server, 'bench-fake', {
    count: 20,
    ...(isNode ? { takeUsedBytes: () => takeUsedBytes(server.pid, options.folder) } : {}),
  });
  reportIdle(report, { name: server.name, what: 'idle kernel', cost: idle.alone });
  reportIdle(report, { name: server.name, what: 'kernel with a client', cost: idle.connected });
}

function reportIdle(
  report: Report,
  { name, what, cost }: { readonly name: string; readonly what: string; readonly cost: UsedIdleCost },
): void {
  report.add(name, `open files per ${what}`, { value: cost.openFiles, unit: 'files' });
  report.add(name, `memory per ${what}`, { value: cost.anonymousBytes / 1024, unit: 'KiB' });
  if (cost.usedBytes === undefined) return;
  report.add(name, `memory per ${what}, used by objects`, { value: cost.usedBytes / 1024, unit: 'KiB' });
}

/** The same kernels started at once with no server in between, while an idle one is asked. */
export async function benchmarkLaunchBaseline(report: Report, options: ScenarioOptions): Promise<void> {
  for (const count of BURSTS) {
    const burst = await measureLaunchBaseline({ ...options, argv: options.kernels['bench-fake'] }, count);
    reportBurst(report, { name: 'idle server', count, ...burst });
  }
}

function reportBurst(
  report: Report,
  burst: { readonly name: string; readonly count: number; readonly seconds: number; readonly api: Probe },
): void {
  const { name, count, seconds, api } = burst;
  report.add(name, `${count} launches at once, all answered`, { value: seconds, unit: 's' });
  report.add(name, `GET /api meanwhile (${count}), p50`, { value: api.p50Ms, unit: 'ms' });
  report.add(name, `GET /api meanwhile (${count}), p99`, { value: api.p99Ms, unit: 'ms' });
  report.add(name, `the asking process woken late (${count}), p99`, { value: api.wakeUpP99Ms, unit: 'ms' });
}
