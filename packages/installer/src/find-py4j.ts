import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The py4j archive in a Spark on this machine; of several, the last by name. Undefined when there is none: `spark-submit`
 * adds its own.
 */
export async function findPy4j(sparkHome: string): Promise<string | undefined> {
  const folder = join(sparkHome, 'python', 'lib');
  try {
    const names = (await readdir(folder)).filter((name) => /^py4j-.*\.zip$/.test(name)).sort();
    const last = names.at(-1);
    return last === undefined ? undefined : join(folder, last);
  } catch {
    // Spark may be where the kernel runs only.
    return undefined;
  }
}
