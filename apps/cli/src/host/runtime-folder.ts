import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '@gateway-provisioners/kernelspec';

/** A folder of this process alone (mode 0700), removed when it is disposed of. */
export async function openRuntimeFolder(env: Environment): Promise<AsyncDisposable & { readonly path: string }> {
  const parent = env['XDG_RUNTIME_DIR'] ?? env['TMPDIR'] ?? tmpdir();
  const prefix = 'gateway-provisioners-';
  // A session's folder may be gone, as in a container or after su.
  const path = await mkdtemp(join(parent, prefix)).catch(() => mkdtemp(join(tmpdir(), prefix)));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
