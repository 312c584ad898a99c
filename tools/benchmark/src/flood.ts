import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitUntilReady } from './client.ts';
import type { BenchmarkClient } from './client.ts';
import { measureFlood } from './measure/conversation.ts';
import { processStats } from './process-stats.ts';
import { startRawKernel } from './raw-kernel.ts';
import type { Report } from './report.ts';
import type { ScenarioOptions } from './scenario.ts';
import { startServer } from './server.ts';
import type { ServerDefinition } from './server.ts';
import { startBridge } from './start-bridge.ts';
import { median } from './statistics.ts';

const MESSAGES = 100_000;
const here = dirname(fileURLToPath(import.meta.url));

/**
 * A kernel that sends as fast as the socket takes, to a minimal bridge and to the gateway in turn. With ipykernel one
 * would measure ipykernel.
 */
export async function fakeKernelFlood(report: Report, options: ScenarioOptions): Promise<void> {
  const definition = JSON.parse(
    await readFile(join(here, '..', 'servers', 'gateway.json'), 'utf8'),
  ) as ServerDefinition;
  await using kernel = await startRawKernel({ ...options, argv: options.kernels['bench-flood'] });
  await using bridge = await startBridge(kernel.connectionFile);
  await using server = await startServer(definition, options);
  const bridged = await bridge.connect();
  await waitUntilReady(bridged);
  const id = await server.start('bench-flood');
  const client = await server.connect(id);
  await waitUntilReady(client);
  // In turn, so that a change in the machine's speed hits both.
  const bridgeRuns: FloodRun[] = [];
  const gatewayRuns: FloodRun[] = [];
  for (let run = 0; run < options.repetitions; run += 1) {
    bridgeRuns.push(await floodOnce(bridged, bridge.pid));
    gatewayRuns.push(await floodOnce(client, server.pid));
  }
  summarise(report, 'minimal bridge', bridgeRuns);
  summarise(report, definition.name, gatewayRuns);
  bridged.close();
  client.close();
  await server.shutdown(id);
}

interface FloodRun {
  readonly perSecond: number;
  readonly cpuMicrosPerMessage: number;
  readonly lost: number;
}

async function floodOnce(client: BenchmarkClient, pid: number): Promise<FloodRun> {
  const before = (await processStats(pid)).cpuMs;
  const flood = await measureFlood(client, { code: `flood ${MESSAGES}`, lines: MESSAGES, silenceMs: 60_000 });
  const cpuMs = (await processStats(pid)).cpuMs - before;
  return {
    perSecond: flood.messages / flood.seconds,
    cpuMicrosPerMessage: (cpuMs * 1000) / MESSAGES,
    lost: flood.lost + (flood.idle ? 0 : 1),
  };
}

function summarise(report: Report, name: string, runs: readonly FloodRun[]): void {
  const of = (pick: (run: FloodRun) => number): number => median(runs.map(pick));
  const what = `flood of ${MESSAGES} messages from a fast fake kernel`;
  report.add(name, what, { value: of((run) => run.perSecond), unit: 'messages/s' });
  report.add(name, 'messages lost in it', { value: Math.max(...runs.map((run) => run.lost)), unit: 'messages' });
  report.add(name, 'CPU per message', { value: of((run) => run.cpuMicrosPerMessage), unit: 'µs' });
}
