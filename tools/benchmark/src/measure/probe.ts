import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How fast an address answered while something else went on. */
export interface Probe {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late the asking process, which does next to nothing, was woken from its pauses: the scheduler's part. */
  readonly wakeUpP99Ms: number;
}

const program = join(dirname(fileURLToPath(import.meta.url)), '..', 'prober.js');

/** Asks `url` from a process of its own while `work` runs. */
export async function probeWhile<T>(
  target: { readonly url: string; readonly token: string },
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly probe: Probe }> {
  const prober = fork(program, [target.url, target.token]);
  try {
    await once(prober, 'message');
    const result = await work();
    const figures = once(prober, 'message') as Promise<[Probe]>;
    prober.send('stop');
    const [probe] = await figures;
    return { result, probe };
  } finally {
    await end(prober);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
