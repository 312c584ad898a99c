import type { CallOptions, KernelStats } from '@gateway-provisioners/core';
import type { DockerEngine } from '../engine.ts';

/** What a container that runs uses; undefined for another one. Errors: as of every call of the engine. */
export async function kernelStats(
  engine: DockerEngine,
  container: string,
  { signal }: CallOptions,
): Promise<KernelStats | undefined> {
  const stats = await engine.containers.stats(container, { signal });
  // The engine answers with nothing but zeros for a container that has ended.
  if (stats === undefined || stats.pids === 0) return undefined;
  const { memoryBytes, memoryLimitBytes, cpuNanoseconds, pids: threads } = stats;
  return { memoryBytes, memoryLimitBytes, cpuMs: cpuNanoseconds / 1e6, threads };
}
