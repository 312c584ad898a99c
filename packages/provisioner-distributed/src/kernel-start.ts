import {
  KernelFailureError,
  ProvisionerError,
  errorMessage,
  fillArgv,
  formatOwner,
  isProvisionerError,
  throwIfAborted,
  usesPlaceholder,
  withDeadline,
} from '@gateway-provisioners/core';
import type {
  JsonObject,
  LaunchContext,
  LauncherParameters,
  ProvisionerServices,
  ReportProgress,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { launcherPlaceholders } from '@gateway-provisioners/core/remote';
import type { DistributedConfig } from './distributed-config.ts';
import type { KernelHost, ResponseWay } from './hosts/kernel-host.ts';
import { kernelEnvironment } from './kernel-env.ts';
import { removeProgram, startProgram } from './shell/kernel-programs.ts';
import type { KernelPlace } from './shell/kernel-programs.ts';
import { runProgram } from './shell/run-program.ts';
import { stageCommand } from './staging.ts';

export const DEFAULT_REMOTE_DIR = '~/.gateway-provisioners';
/** A start that was handed over is waited for, so that it is known what to take back. */
const START_MS = 60_000;
const REMOVAL_MS = 60_000;
const SAFE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

export interface KernelStartOptions {
  readonly context: LaunchContext;
  readonly parameters: LauncherParameters;
  readonly config: DistributedConfig;
  readonly services: ProvisionerServices;
  readonly signal: AbortSignal;
  readonly progress: ReportProgress;
  checkpoint(resource: JsonObject): Promise<void>;
}

/** Where a kernel's files are on its host. Errors: `INVALID_ARGUMENT` for an id that cannot name a folder. */
export function placeOf(owner: ResourceOwner, config: DistributedConfig): KernelPlace {
  if (!SAFE_ID.test(owner.kernelId)) {
    throw new ProvisionerError('INVALID_ARGUMENT', `kernel id ${JSON.stringify(owner.kernelId)} cannot name a folder`);
  }
  return {
    remoteDir: config.remote_dir ?? DEFAULT_REMOTE_DIR,
    name: `kernel-${owner.kernelId}-${String(owner.incarnation)}`,
    owner: formatOwner(owner),
  };
}

/** Whether another host may do better. */
export function isFailureOfHost(error: unknown): boolean {
  if (!isProvisionerError(error)) return false;
  return error.code.startsWith('HOST_') || error.code === 'CONNECTION_LOST' || error.code === 'FORWARDING_REFUSED';
}

/**
 * Starts the launcher of a kernel on a host; nothing is left there when this rejects.
 * Errors: those of the connection, `HOST_COMMAND_FAILED`, `FORWARDING_REFUSED`, `LAUNCH_FAILED`, `CANCELLED`.
 */
export async function startKernel(
  host: KernelHost,
  options: KernelStartOptions,
): Promise<{ readonly place: KernelPlace; readonly way: ResponseWay }> {
  const { context, parameters, config, services, signal, progress } = options;
  const { kernelSpec } = context;
  if (kernelSpec.argv.length === 0) throw invalidSpec(context, 'its argv is empty');
  if (usesPlaceholder(kernelSpec.argv, 'connection_file') && !usesPlaceholder(kernelSpec.argv, 'response_address')) {
    throw invalidSpec(
      context,
      'its argv uses {connection_file} and no {response_address}: kernels on other hosts are started by a launcher, as ' +
        'jupyter-ssh-spec writes it',
    );
  }
  progress({ phase: 'scheduling', message: `connecting to ${host.name}` });
  const way = await host.openResponseWay(parameters.public.responseAddress, { signal });
  const place = placeOf(context, config);
  let isBegun = false;
  try {
    const toFill: LauncherParameters = {
      ...parameters,
      public: { ...parameters.public, responseAddress: way.address },
    };
    const { argv, bundles } = await stageCommand({
      argv: fillArgv(kernelSpec.argv, launcherPlaceholders(tunnelled(context, host), toFill)),
      resourceDir: kernelSpec.resourceDir,
      staging: host.isLocal && config.staging !== 'always' ? 'auto' : (config.staging ?? 'auto'),
    });
    const env = kernelEnvironment({ context, parameters, isLocal: host.isLocal, hostEnv: services.env });
    const program = startProgram({
      ...place,
      argv,
      env,
      cwd: context.cwd,
      logDir: config.kernel_log_dir,
      kernelId: context.kernelId,
    });
    await options.checkpoint({ host: host.name });
    throwIfAborted(signal);
    progress({ phase: 'starting', message: `on ${host.name}` });
    isBegun = true;
    for (let round = 1; ; round += 1) {
      const answer = await start(host, program, services);
      if (answer.startsWith('started ')) break;
      const missing = /^stage (.+)$/.exec(answer)?.[1]?.split(' ') ?? [];
      if (missing.length === 0 || round > 1) {
        throw new ProvisionerError('HOST_COMMAND_FAILED', `the host answered ${JSON.stringify(answer.slice(0, 200))}`);
      }
      for (const hash of new Set(missing)) {
        const bundle = bundles.get(hash);
        progress({ phase: 'starting', message: `copying launchers to ${host.name}` });
        if (bundle !== undefined) await host.upload(bundle, place.remoteDir, { signal });
      }
      throwIfAborted(signal);
    }
    throwIfAborted(signal);
    return { place, way };
  } catch (error) {
    await way[Symbol.asyncDispose]().catch(() => undefined);
    if (isBegun) await takeBack(host, place, services);
    throw error;
  }
}

async function start(
  host: KernelHost,
  program: ReturnType<typeof startProgram>,
  { clock }: ProvisionerServices,
): Promise<string> {
  const what = `the start of a kernel on ${host.name}`;
  const output = await withDeadline(
    { what, timeoutMs: START_MS, clock },
    async (scope) => await runProgram(host, program, { signal: scope.signal }),
  );
  return output.toString('utf8').trim();
}

async function takeBack(host: KernelHost, place: KernelPlace, { clock, logger }: ProvisionerServices): Promise<void> {
  try {
    await withDeadline({ what: 'the removal of a failed launch', timeoutMs: REMOVAL_MS, clock }, async (scope) => {
      await runProgram(host, removeProgram(place), { signal: scope.signal });
    });
  } catch (error) {
    // The caller needs the reason of the failure; what is left here is found by list() and reaped.
    logger.error('what a failed launch had begun could not be removed', {
      host: host.name,
      error: errorMessage(error),
    });
  }
}

/** SSH encrypts already, and only an unencrypted channel can be carried by a stream. */
function tunnelled(context: LaunchContext, host: KernelHost): LaunchContext {
  return host.isTunnelled && context.transportEncryption === 'auto'
    ? { ...context, transportEncryption: 'disabled' }
    : context;
}

function invalidSpec(context: LaunchContext, why: string): KernelFailureError {
  return new KernelFailureError('LAUNCH_FAILED', `kernelspec ${JSON.stringify(context.kernelSpec.name)}: ${why}`, {
    coordinates: { kernel: context.kernelId },
  });
}
