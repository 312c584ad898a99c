import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** How late the event loop of a server was. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const program = join(dirname(fileURLToPath(import.meta.url)), '..', 'loop-delay.js');

/** What makes a server on Node measure its event loop. */
export function loopDelayEnv(folder: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${pathToFileURL(program).href}`, LOOP_DELAY_FILE: fileIn(folder) };
}

/** Since the last call. */
export async function takeLoopDelay(pid: number, folder: string): Promise<LoopDelay> {
  const file = fileIn(folder);
  await rm(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (const end = performance.now() + 30_000; performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return JSON.parse(text) as LoopDelay;
  }
  throw new Error('the server did not tell the delay of its event loop');
}

function fileIn(folder: string): string {
  return join(folder, 'loop-delay.json');
}
