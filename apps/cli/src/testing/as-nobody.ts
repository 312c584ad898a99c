import { chmod } from 'node:fs/promises';

const NOBODY = 65_534;

/** Runs as a user who may not write: root, who runs these tests in containers, may write everywhere. */
export async function asNobody<T>(folder: string, run: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await run();
  await chmod(folder, 0o755);
  process.seteuid?.(NOBODY);
  try {
    return await run();
  } finally {
    process.seteuid?.(0);
  }
}
