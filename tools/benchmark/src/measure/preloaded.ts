import { readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const programs = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What makes a server on Node run `program` (one of ours that tells figures on SIGUSR2) before its own. */
export function preloadEnv(program: 'loop-delay' | 'heap-use', folder: string): Readonly<Record<string, string>> {
  return {
    NODE_OPTIONS: `--import=${pathToFileURL(join(programs, `${program}.js`)).href}`,
    FIGURES_FILE: fileIn(folder),
  };
}

/** Asks for the figures, which are JSON. */
export async function askPreloaded(pid: number, folder: string): Promise<unknown> {
  const file = fileIn(folder);
  await rm(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (const end = performance.now() + 30_000; performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return JSON.parse(text) as unknown;
  }
  throw new Error('the server did not tell its figures');
}

function fileIn(folder: string): string {
  return join(folder, 'figures.json');
}
