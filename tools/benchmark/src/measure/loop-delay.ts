import { askPreloaded, preloadEnv } from './preloaded.ts';

/** How late the event loop of a server was. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What makes a server on Node measure its event loop. */
export function loopDelayEnv(folder: string): Readonly<Record<string, string>> {
  return preloadEnv('loop-delay', folder);
}

/** Since the last call. */
export async function takeLoopDelay(pid: number, folder: string): Promise<LoopDelay> {
  return (await askPreloaded(pid, folder)) as LoopDelay;
}
