import { askPreloaded, preloadEnv } from './preloaded.ts';

/** What makes a server on Node tell what its objects take. */
export function heapUseEnv(folder: string): Readonly<Record<string, string>> {
  return preloadEnv('heap-use', folder);
}

/** After garbage collection, in bytes. */
export async function takeUsedBytes(pid: number, folder: string): Promise<number> {
  return ((await askPreloaded(pid, folder)) as { readonly usedBytes: number }).usedBytes;
}
