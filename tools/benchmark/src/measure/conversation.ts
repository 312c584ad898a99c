import type { BenchmarkClient } from '../client.ts';
import { executeRequest, kernelInfoRequest, roundTrip } from '../client.ts';
import { percentile } from '../statistics.ts';

export interface RoundTrips {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Round trips of `kernel_info_request`, the cheapest request that every kernel answers. */
export async function measureRoundTrips(client: BenchmarkClient, count: number): Promise<RoundTrips> {
  const samples: number[] = [];
  for (let i = 0; i < count; i += 1) samples.push(await roundTrip(client, kernelInfoRequest()));
  return { p50Ms: percentile(samples, 0.5), p99Ms: percentile(samples, 0.99) };
}

export interface Flood {
  readonly messages: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Of the lines that the kernel wrote, how many did not arrive. */
  readonly lost: number;
  /** Whether the final `idle` arrived. */
  readonly idle: boolean;
}

export interface FloodOptions {
  readonly code: string;
  /** Lines that the code writes to stdout. */
  readonly lines: number;
  /** Give up when nothing has arrived for so long. */
  readonly silenceMs: number;
}

/** Runs code that writes a lot and counts what arrives until `idle`, or until nothing comes any more. */
export async function measureFlood(client: BenchmarkClient, options: FloodOptions): Promise<Flood> {
  const request = executeRequest(options.code);
  let messages = 0;
  let bytes = 0;
  let lines = 0;
  // From the first message on: what a kernel needs to get going is its own affair.
  let first: number | undefined;
  let last = performance.now();
  const idle = await new Promise<boolean>((resolve) => {
    const watchdog = setInterval(() => {
      if (performance.now() - last > options.silenceMs) finish(false);
    }, 100);
    const finish = (complete: boolean): void => {
      clearInterval(watchdog);
      resolve(complete);
    };
    client.onArrival = (arrival) => {
      if (arrival.channel !== 'iopub' || arrival.parentId !== request.msgId) return;
      last = performance.now();
      first ??= last;
      messages += 1;
      bytes += arrival.content.length;
      if (arrival.msgType === 'stream') lines += countLines(arrival.content);
      else if (arrival.msgType === 'status' && arrival.content.includes('"idle"')) finish(true);
    };
    client.send(request);
  });
  return { messages, bytes, seconds: (last - (first ?? last)) / 1000, lost: options.lines - lines, idle };
}

/** Counts `\n` escapes in a stream message's JSON without parsing it. */
function countLines(content: Buffer): number {
  let count = 0;
  for (let at = content.indexOf('\\n'); at !== -1; at = content.indexOf('\\n', at + 2)) count += 1;
  return count;
}
