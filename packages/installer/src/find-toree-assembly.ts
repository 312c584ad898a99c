import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findPython } from '@gateway-provisioners/kernelspec';
import type { Environment } from '@gateway-provisioners/kernelspec';

/** Where `pip install toree` and `jupyter toree install --sys-prefix` put it. */
export async function findToreeAssembly(env: Environment): Promise<string | undefined> {
  const python = await findPython(env);
  if (python === undefined) return undefined;
  for (const part of [
    'share/jupyter/kernels/apache_toree_scala/lib',
    'local/share/jupyter/kernels/apache_toree_scala/lib',
  ]) {
    const folder = join(python.prefix, part);
    const names = await readdir(folder).catch(() => []);
    const name = names
      .filter((each) => /^toree-assembly-.*\.jar$/.test(each))
      .sort()
      .at(-1);
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}
