import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { fileStore, memoryStore } from '@gateway-provisioners/kernel-manager';
import type { KernelStore } from '@gateway-provisioners/kernel-manager';
import type { GatewaySettings } from '../settings/gateway-settings.ts';

export interface StateFolder {
  readonly store: KernelStore;
  /** For connection files and logs of kernels. Exists, mode 0700. */
  readonly runtimeDir: string;
  /** Whether kernels can be found again after this process. */
  readonly isDurable: boolean;
  /** Removes what is not to outlive the process. */
  remove(): Promise<void>;
}

export interface StateFolderOptions {
  readonly settings: Pick<GatewaySettings, 'state_dir' | 'port'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Opens the folder for records: the one that is set, else one per port, so that two gateways of a user do not share. */
export async function openStateFolder(options: StateFolderOptions): Promise<StateFolder> {
  const folder = folderFor(options);
  if (folder === undefined) {
    const runtimeDir = await mkdtemp(join(tmpdir(), 'gateway-provisioners-'));
    const remove = (): Promise<void> => rm(runtimeDir, { recursive: true, force: true });
    return { store: memoryStore(), runtimeDir, isDurable: false, remove };
  }
  const runtimeDir = join(folder, 'runtime');
  await mkdir(runtimeDir, { recursive: true, mode: 0o700 });
  const store = fileStore({ dir: join(folder, 'kernels') });
  return { store, runtimeDir, isDurable: true, remove: () => Promise.resolve() };
}

function folderFor({ settings, env, cwd }: StateFolderOptions): string | undefined {
  if (settings.state_dir !== undefined) return resolve(cwd, settings.state_dir);
  // Nobody would come back to a port that was chosen by chance.
  if (settings.port === 0) return undefined;
  const xdg = env['XDG_STATE_HOME'];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(env['HOME'] ?? homedir(), '.local', 'state');
  return join(base, 'gateway-provisioners', String(settings.port));
}
