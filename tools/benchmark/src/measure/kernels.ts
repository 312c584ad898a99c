import { processStats } from '../process-stats.ts';
import type { BenchmarkClient } from '../client.ts';
import { executeRequest, roundTrip, waitUntilReady } from '../client.ts';
import type { RunningServer } from '../server.ts';
import type { LoopDelay } from './loop-delay.ts';
import { probeWhile } from './probe.ts';
import type { Probe } from './probe.ts';

/** From the request for a kernel to the first execute reply, in milliseconds. */
export async function measureLaunch(server: RunningServer, kernelName: string): Promise<number> {
  const start = performance.now();
  const id = await server.start(kernelName);
  const client = await server.connect(id);
  await roundTrip(client, executeRequest(''));
  const elapsed = performance.now() - start;
  client.close();
  await server.shutdown(id);
  return elapsed;
}

export interface IdleCost {
  readonly openFiles: number;
  readonly anonymousBytes: number;
}

/** The first two as the operating system sees the process; it gives and takes pages as it likes. */
export interface UsedIdleCost extends IdleCost {
  /** What objects and their buffers take, without garbage; undefined where the server cannot tell. */
  readonly usedBytes: number | undefined;
}

export interface IdleCosts {
  /** Per kernel that nobody is connected to. */
  readonly alone: UsedIdleCost;
  /** Per kernel with one client; its WebSocket included. */
  readonly connected: UsedIdleCost;
}

export interface IdleOptions {
  readonly count: number;
  /** Where the server can tell. */
  readonly takeUsedBytes?: (() => Promise<number>) | undefined;
}

/** What an idle kernel costs the server process, averaged over `count` kernels. */
export async function measureIdle(
  server: RunningServer,
  kernelName: string,
  { count, takeUsedBytes }: IdleOptions,
): Promise<IdleCosts> {
  const take = async (): Promise<UsedIdleCost> => ({
    ...(await settledStats(server.pid)),
    usedBytes: await takeUsedBytes?.(),
  });
  // As many as will be measured come and go first: code is compiled and the heap grown once, whoever comes later.
  const warmUp = await startVisited(server, kernelName, count);
  for (const id of warmUp.slice(1)) await server.shutdown(id);
  const before = await take();
  const ids = await startVisited(server, kernelName, count);
  const alone = await take();
  const clients: BenchmarkClient[] = [];
  for (const id of ids) {
    const client = await server.connect(id);
    await waitUntilReady(client);
    clients.push(client);
  }
  const connected = await take();
  for (const client of clients) client.close();
  for (const id of [...ids, ...warmUp.slice(0, 1)]) await server.shutdown(id);
  const per = ({ openFiles, anonymousBytes, usedBytes }: UsedIdleCost): UsedIdleCost => ({
    openFiles: (openFiles - before.openFiles) / count,
    anonymousBytes: (anonymousBytes - before.anonymousBytes) / count,
    usedBytes:
      usedBytes === undefined || before.usedBytes === undefined ? undefined : (usedBytes - before.usedBytes) / count,
  });
  return { alone: per(alone), connected: per(connected) };
}

/** Kernels that have each had a client. */
async function startVisited(server: RunningServer, kernelName: string, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const id = await server.start(kernelName);
    const client = await server.connect(id);
    await waitUntilReady(client);
    client.close();
    ids.push(id);
  }
  return ids;
}

/** Waits until the number of open files has not changed for 12 s (a gateway may close channels some time after the last client left), at most 40 s. */
export async function settledStats(pid: number): Promise<IdleCost> {
  let stats = await processStats(pid);
  for (let same = 0, tries = 0; same < 24 && tries < 80; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const next = await processStats(pid);
    same = next.openFiles === stats.openFiles ? same + 1 : 0;
    stats = next;
  }
  return stats;
}

export interface ConcurrentLaunches {
  readonly failed: number;
  readonly seconds: number;
  /** `GET /api` while they ran. */
  readonly api: Probe;
  /** What the server itself used of the processor, in milliseconds per kernel. */
  readonly cpuMs: number;
  readonly loopDelay: LoopDelay | undefined;
}

/** Starts `count` kernels at once and asks `GET /api` over and over until all of them answered a request. */
export async function measureConcurrentLaunches(
  server: RunningServer,
  kernelName: string,
  { count, takeLoopDelay }: { readonly count: number; readonly takeLoopDelay?: () => Promise<LoopDelay> },
): Promise<ConcurrentLaunches> {
  const before = (await processStats(server.pid)).cpuMs;
  const { result, probe } = await probeWhile({ url: `${server.url}/api`, token: server.token }, async () => {
    const start = performance.now();
    const launches = await Promise.allSettled(
      Array.from({ length: count }, async () => {
        const id = await server.start(kernelName);
        const client = await server.connect(id);
        await roundTrip(client, executeRequest(''));
        client.close();
        return id;
      }),
    );
    return { launches, seconds: (performance.now() - start) / 1000 };
  });
  const loopDelay = await takeLoopDelay?.();
  const cpuMs = ((await processStats(server.pid)).cpuMs - before) / count;
  for (const launch of result.launches) if (launch.status === 'fulfilled') await server.shutdown(launch.value);
  const failed = result.launches.filter(({ status }) => status === 'rejected').length;
  return { failed, seconds: result.seconds, api: probe, cpuMs, loopDelay };
}
