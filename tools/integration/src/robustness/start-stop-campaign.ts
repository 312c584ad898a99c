import { readdir } from 'node:fs/promises';
import type { Memory, MortalGateway } from './mortal-gateway.ts';

export interface CycleSample extends Memory {
  readonly cycle: number;
  readonly openFiles: number;
}

export interface StartStopOptions {
  readonly kernelName: string;
  readonly cycles: number;
  /** A sample after so many cycles; default 1. */
  readonly every?: number | undefined;
  /** How far {@link measureGrowth} may go; default: no further than `cycles`. */
  readonly upTo?: number | undefined;
}

/** Over the last half of the cycles. */
export interface Growth {
  readonly cycles: number;
  readonly samples: readonly CycleSample[];
  /** In bytes a cycle. */
  readonly rssSlopeBytes: number;
  readonly usedSlopeBytes: number;
}

/** What a cycle may leave behind, in bytes. */
export const MAX_SLOPE_BYTES = 10 * 1024;

/**
 * True where as many files are open at last as at first. A connection that is being torn down may still be open at the moment
 * of some samples; a leak shows in all later ones.
 */
export function keepsFiles(samples: readonly CycleSample[]): boolean {
  const files = samples.map(({ openFiles }) => openFiles);
  return Math.min(...files.slice(-10)) <= Math.min(...files.slice(0, 10));
}

/**
 * Starts and stops a kernel `cycles` times and looks at what the gateway's process, a `collectable` one, holds without
 * garbage. What is resident grows by pages: one of V8's more, within 25 cycles, would look like 10 KB a cycle. So while
 * the slope is above the bound, the cycles are doubled, up to `upTo`: a leak goes on, a page does not.
 */
export async function measureGrowth(gateway: MortalGateway, options: StartStopOptions): Promise<Growth> {
  const samples: CycleSample[] = [];
  for (let cycles = options.cycles; ; cycles *= 2) {
    await runCycles(gateway, options, { samples, to: cycles });
    const lastHalf = samples.filter(({ cycle }) => cycle > cycles / 2);
    const growth = {
      cycles,
      samples: lastHalf,
      rssSlopeBytes: slope(lastHalf, ({ rssBytes }) => rssBytes),
      usedSlopeBytes: slope(lastHalf, ({ usedBytes }) => usedBytes),
    };
    if (growth.rssSlopeBytes < MAX_SLOPE_BYTES || 2 * cycles > (options.upTo ?? 0)) return growth;
  }
}

/** Starts and stops a kernel so many times, so that what is made once has been made. */
export async function warmUp(gateway: MortalGateway, options: StartStopOptions): Promise<void> {
  for (let cycle = 1; cycle <= options.cycles; cycle += 1) await startAndStop(gateway, options.kernelName, cycle);
}

async function runCycles(
  gateway: MortalGateway,
  { kernelName, every = 1 }: StartStopOptions,
  { samples, to }: { readonly samples: CycleSample[]; readonly to: number },
): Promise<void> {
  for (let cycle = (samples.at(-1)?.cycle ?? 0) + 1; cycle <= to; cycle += 1) {
    await startAndStop(gateway, kernelName, cycle);
    if (cycle % every !== 0) continue;
    const memory = await gateway.collectGarbage();
    samples.push({ cycle, openFiles: (await readdir(`/proc/${gateway.pid}/fd`)).length, ...memory });
  }
}

async function startAndStop(gateway: MortalGateway, kernelName: string, cycle: number): Promise<void> {
  const created = await gateway.request('api/kernels', { method: 'POST', body: JSON.stringify({ name: kernelName }) });
  if (created.status !== 201) throw new Error(`cycle ${cycle}: ${created.status} ${await created.text()}`);
  const { id } = (await created.json()) as { readonly id: string };
  const removed = await gateway.request(`api/kernels/${id}`, { method: 'DELETE' });
  if (removed.status !== 204) throw new Error(`cycle ${cycle}: ${removed.status} ${await removed.text()}`);
}

/** The median of the slopes between all pairs of samples: one step of some megabytes on the way does not turn it. */
function slope(samples: readonly CycleSample[], of: (sample: CycleSample) => number): number {
  const slopes = samples.flatMap((later, index) =>
    samples.slice(0, index).map((earlier) => (of(later) - of(earlier)) / (later.cycle - earlier.cycle)),
  );
  slopes.sort((a, b) => a - b);
  const middle = Math.floor(slopes.length / 2);
  return ((slopes[middle] ?? NaN) + (slopes[slopes.length - 1 - middle] ?? NaN)) / 2;
}
