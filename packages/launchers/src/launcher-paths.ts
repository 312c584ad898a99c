import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const files = {
  python: 'python/scripts/launch_ipykernel.py',
  r: 'R/scripts/launch_IRkernel.R',
  node: 'node/launch_kernel.mjs',
  bootstrap: 'bootstrap/bootstrap-kernel.sh',
} as const;

export type LauncherName = keyof typeof files;

/** The folder that holds all launchers, laid out as in kernel images: `python/scripts`, `R/scripts`, `scala/lib`, …. */
export const launchersDir: string = fileURLToPath(new URL('..', import.meta.url));

/** Absolute path of one launcher on this machine. */
export function launcherPath(name: LauncherName): string {
  return join(launchersDir, files[name]);
}
