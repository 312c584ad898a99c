import { executeRequest, roundTrip, waitUntilReady } from './client.ts';
import { measureConcurrentLaunches, measureLaunch, settledStats } from './measure/kernels.ts';
import { processStats } from './process-stats.ts';
import { rawClient } from './raw-client.ts';
import { startRawContainer } from './raw-container.ts';
import type { RawContainer, RawContainerOptions } from './raw-container.ts';
import type { Report } from './report.ts';
import type { ScenarioOptions } from './scenario.ts';
import { startServer } from './server.ts';
import type { RunningServer, ServerDefinition } from './server.ts';
import { median } from './statistics.ts';

const RAW = 'docker run';
const BURST = 20;
const IDLE = 50;
const IDLE_SECONDS = 30;
const KERNEL = 'bench-container';

/** Kernels in containers: launched one by one and at once, beside `docker run` of the same image, and idle. */
export async function benchmarkContainers(
  report: Report,
  definition: ServerDefinition,
  options: ScenarioOptions & { readonly image: string },
): Promise<void> {
  await using server = await startServer(definition, options);
  await measureLaunch(server, KERNEL);
  await launchRaw(options);
  const raw: number[] = [];
  const launches: number[] = [];
  // In turn, so that what else the machine does falls on both.
  for (let i = 0; i < options.repetitions; i += 1) {
    raw.push(await launchRaw(options));
    launches.push(await measureLaunch(server, KERNEL));
  }
  const what = 'container: launch to first reply, median';
  report.add(RAW, what, { value: median(raw), unit: 'ms' });
  report.add(server.name, what, { value: median(launches), unit: 'ms' });

  const together = `${String(BURST)} containers at once, all answered`;
  report.add(RAW, together, { value: await launchRawAtOnce(options), unit: 's' });
  const burst = await measureConcurrentLaunches(server, KERNEL, { count: BURST });
  report.add(server.name, together, { value: burst.seconds, unit: 's' });
  report.add(server.name, `${String(BURST)} containers at once, failed`, { value: burst.failed, unit: 'kernels' });
  report.add(server.name, `GET /api meanwhile, p99`, { value: burst.api.p99Ms, unit: 'ms' });
  report.add(server.name, `CPU of the server per container (${String(BURST)})`, { value: burst.cpuMs, unit: 'ms' });
  await idleContainers(report, server);
}

async function launchRaw(options: RawContainerOptions): Promise<number> {
  const start = performance.now();
  await using container = await startRawContainer(options);
  await askFirst(container);
  return performance.now() - start;
}

async function askFirst({ connectionFile }: RawContainer): Promise<void> {
  const client = await rawClient(connectionFile, { reconnectIntervalMs: 10 });
  const silence = new Promise((_, reject) => {
    setTimeout(reject, 180_000, new Error('the kernel did not answer in 180 s')).unref();
  });
  await Promise.race([silence, waitUntilReady(client).then(() => roundTrip(client, executeRequest('')))]);
  client.close();
}

async function launchRawAtOnce(options: RawContainerOptions): Promise<number> {
  const containers: RawContainer[] = [];
  try {
    const start = performance.now();
    await Promise.all(
      Array.from({ length: BURST }, async () => {
        const container = await startRawContainer(options);
        containers.push(container);
        await askFirst(container);
      }),
    );
    return (performance.now() - start) / 1000;
  } finally {
    for (const container of containers) await container[Symbol.asyncDispose]();
  }
}

async function idleContainers(report: Report, server: RunningServer): Promise<void> {
  const before = await settledStats(server.pid);
  const ids: string[] = [];
  while (ids.length < IDLE) {
    const few = Array.from({ length: Math.min(5, IDLE - ids.length) }, () => server.start(KERNEL));
    ids.push(...(await Promise.all(few)));
  }
  for (const id of ids) {
    const client = await server.connect(id);
    await waitUntilReady(client);
    client.close();
  }
  const after = await settledStats(server.pid);
  const { cpuMs } = await processStats(server.pid);
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
  const spent = (await processStats(server.pid)).cpuMs - cpuMs;
  const add = (what: string, value: number, unit: string): void => {
    report.add(server.name, `${String(IDLE)} idle containers, ${what}`, { value, unit });
  };
  add('open files of each', (after.openFiles - before.openFiles) / IDLE, 'files');
  add('memory of each', (after.anonymousBytes - before.anonymousBytes) / IDLE / 1024, 'KiB');
  add('processor time of all', (spent / IDLE_SECONDS) * 60, 'ms a minute');
  for (const id of ids) await server.shutdown(id);
}
