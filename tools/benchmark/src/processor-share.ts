import { readFile, writeFile } from 'node:fs/promises';

/**
 * Gives the sessions of processes, and of what these started, the processors before other work. Linux shares processors
 * out by session (`sched_autogroup_enabled`), so that a plain `nice` does nothing against what runs in other sessions. It
 * takes root to go below 0.
 */
export async function preferProcesses(pids: readonly number[], nice: number): Promise<void> {
  const children = await Promise.all(pids.map(childrenOf));
  for (const pid of new Set([...pids, ...children.flat()])) {
    await writeFile(`/proc/${pid}/autogroup`, String(nice));
    // One change in 100 ms is taken from anybody.
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return list.split(' ').filter(Boolean).map(Number);
}
