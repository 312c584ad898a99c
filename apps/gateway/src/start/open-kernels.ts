import { join } from 'node:path';
import { registerBundledProvisioners } from '@gateway-provisioners/bundle';
import {
  ProvisionerRegistry,
  ResourceStack,
  addConfiguredProvisioners,
  discoverProvisioners,
  discoveryPatterns,
  systemClock,
} from '@gateway-provisioners/core';
import type { Logger } from '@gateway-provisioners/core';
import { LazyRendezvous, createKernelManager } from '@gateway-provisioners/kernel-manager';
import type { KernelManager } from '@gateway-provisioners/kernel-manager';
import { createKernelSpecs, nativeKernelSpecs } from '@gateway-provisioners/kernelspec';
import type { KernelSpecs } from '@gateway-provisioners/kernelspec';
import { normaliseBaseUrl } from '../http/base-url.ts';
import type { LauncherAnswers } from '../gateway-options.ts';
import { LAUNCHER_ANSWERS } from '../routes/launcher-routes.ts';
import type { GatewaySettings } from '../settings/gateway-settings.ts';
import { openStateFolder } from './state-folder.ts';

export interface OpenKernelsOptions {
  readonly settings: GatewaySettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly logger: Logger;
  /** A file or URL from whose place the npm package `deno` is looked for; absent: no TypeScript kernel of its own. */
  readonly resolveDenoFrom?: string | URL | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Kernels, kernelspecs and provisioners of one gateway. Disposing of it lets go; it does not end kernels. */
export interface GatewayBackends extends AsyncDisposable {
  readonly kernels: KernelManager;
  readonly kernelspecs: KernelSpecs;
  /** Takes what launchers post to the gateway's own port. */
  readonly launcherAnswers: LauncherAnswers;
  /** Whether kernels can be found again after this process. */
  readonly isDurable: boolean;
}

/** Errors: those of the store (`INVALID_STATE` when another gateway has the folder), of kernelspecs and of settings. */
export async function openKernels(options: OpenKernelsOptions): Promise<GatewayBackends> {
  const { settings, env, logger, signal } = options;
  await using stack = new ResourceStack();
  const state = await openStateFolder(options);
  stack.defer(() => state.remove());
  const store = stack.use(state.store);
  const instanceId = await store.open({ instanceId: settings.instance_id, signal });
  const kernelspecs = stack.use(await openKernelSpecs(options));
  const rendezvous = stack.use(new LazyRendezvous({ env, logger, httpUrl: launcherAnswersUrl(settings) }));
  const registry = stack.use(
    new ProvisionerRegistry({
      services: { instanceId, logger, clock: systemClock, runtimeDir: state.runtimeDir, env, rendezvous },
      baseConfig: settings.provisioner_config,
    }),
  );
  await addProvisioners(registry, options);
  const kernels = await createKernelManager({
    registry,
    rendezvous,
    kernelspecs,
    store,
    instanceId,
    env,
    logger,
    ...managerOptions(settings),
  });
  const owned = stack.move();
  return {
    kernels,
    kernelspecs,
    launcherAnswers: rendezvous,
    isDurable: state.isDurable,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

/** What launchers are told when they may answer through the gateway's own port. */
function launcherAnswersUrl(settings: GatewaySettings): string | undefined {
  if (settings.launcher_url === undefined) return undefined;
  return new URL(LAUNCHER_ANSWERS, new URL(normaliseBaseUrl(settings.base_url), settings.launcher_url)).href;
}

type ManagerOptions = Partial<Parameters<typeof createKernelManager>[0]>;

/** Settings are in seconds as Enterprise Gateway's are; ours in milliseconds. */
function managerOptions(settings: GatewaySettings): ManagerOptions {
  const perUser = settings.max_kernels_per_user;
  return {
    inheritedEnv: settings.inherited_envs,
    allowedRequestEnv: settings.client_envs,
    engine: settings.engine,
    transportEncryption: settings.transport_encryption,
    launchTimeoutMs: settings.launch_timeout * 1000,
    clientQueueBytes: settings.client_queue_size,
    limits: { maxKernels: settings.max_kernels, maxKernelsPerOwner: perUser < 0 ? undefined : perUser },
    culling: {
      idleTimeoutMs: settings.cull_idle_timeout * 1000,
      intervalMs: settings.cull_interval * 1000,
      connected: settings.cull_connected,
      busy: settings.cull_busy,
    },
  };
}

async function openKernelSpecs(options: OpenKernelsOptions): Promise<KernelSpecs> {
  const { settings, env, logger, resolveDenoFrom } = options;
  const native = nativeKernelSpecs({ env, resolveDenoFrom });
  // Reported by whoever asks for the kernels first.
  native.catch(() => undefined);
  const kernelspecs = await createKernelSpecs({
    env,
    logger,
    native: () => native,
    allowed: settings.allowed_kernels,
    defaultName: settings.default_kernel_name,
    ...(settings.kernelspec_path.length > 0 ? { searchPath: settings.kernelspec_path } : {}),
  });
  kernelspecs.watch();
  return kernelspecs;
}

async function addProvisioners(registry: ProvisionerRegistry, options: OpenKernelsOptions): Promise<void> {
  const { settings, cwd, signal } = options;
  registerBundledProvisioners(registry);
  const hostPackageJson = join(cwd, 'package.json');
  await addConfiguredProvisioners(registry, { hostPackageJson, provisioners: settings.provisioners, signal });
  if (!settings.discover_provisioners) return;
  await discoverProvisioners(registry, { hostPackageJson, signal, ...discoveryPatterns(settings) });
}
