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
import { noteProcessProgram, recordProgram, removeProgram, startProgram } from './shell/kernel-programs.ts';
import type { KernelPlace } from './shell/kernel-programs.ts';
import { runProgram } from './shell/run-program.ts';
import type { ShellProgram } from './shell/run-program.ts';
import { stageCommand } from './staging.ts';

export const DEFAULT_REMOTE_DIR = '~/.gateway-provisioners';
/** A start that was handed over is waited for, so that it is known what to take back. */
const START_MS = 60_000;
const REMOVAL_MS = 60_000;
/** Besides those that begin with `HOST_`. */
const OTHER_HOST_MAY_DO: ReadonlySet<string> = new Set([
  'CONNECTION_LOST',
  'FORWARDING_REFUSED',
  'IMPERSONATION_REFUSED',
]);
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

/** Where a kernel's files are on its host. */
export interface KernelPlaces {
  /** Its own, of the user that it runs as. */
  readonly kernel: KernelPlace;
  /** What the account that is logged in knows of it; the same folder, unless the kernel runs as another user. */
  readonly record: KernelPlace;
}

/** Errors: `INVALID_ARGUMENT` for an id that cannot name a folder. */
export function placesOf(owner: ResourceOwner, config: DistributedConfig, host: KernelHost): KernelPlaces {
  if (!SAFE_ID.test(owner.kernelId)) {
    throw new ProvisionerError('INVALID_ARGUMENT', `kernel id ${JSON.stringify(owner.kernelId)} cannot name a folder`);
  }
  const remoteDir = config.remote_dir ?? DEFAULT_REMOTE_DIR;
  const name = `kernel-${owner.kernelId}-${String(owner.incarnation)}`;
  const record = { remoteDir, name, owner: formatOwner(owner) };
  if (host.user === undefined) return { kernel: record, record };
  // A folder by its full path is the other account's; another name keeps the two apart where both are one account.
  const theirDir = remoteDir.startsWith('~/') ? remoteDir : DEFAULT_REMOTE_DIR;
  return { kernel: { ...record, remoteDir: theirDir, name: `as-user-${name}` }, record };
}

/** Ends every process of a kernel and removes what it left. Removing what is gone succeeds. */
export async function removeKernel(
  host: KernelHost,
  { kernel, record }: KernelPlaces,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if (host.user !== undefined) await runProgram(host, removeProgram(kernel), options);
  await runProgram(host.login, removeProgram(record), options);
}

/** What is stored of where a kernel is. */
export function hostState({ name, user }: KernelHost): JsonObject {
  return { host: name, ...(user === undefined ? {} : { user }) };
}

/** Whether another host may do better. */
export function isFailureOfHost(error: unknown): boolean {
  if (!isProvisionerError(error)) return false;
  return error.code.startsWith('HOST_') || OTHER_HOST_MAY_DO.has(error.code);
}

/**
 * Starts the launcher of a kernel on a host; nothing is left there when this rejects.
 * Errors: those of the connection, `HOST_COMMAND_FAILED`, `FORWARDING_REFUSED`, `LAUNCH_FAILED`, `CANCELLED`.
 */
export async function startKernel(
  host: KernelHost,
  options: KernelStartOptions,
): Promise<{ readonly places: KernelPlaces; readonly way: ResponseWay }> {
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
  const places = placesOf(context, config, host);
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
    const env = kernelEnvironment({ context, parameters, host, hostEnv: services.env });
    const program = startProgram({
      ...places.kernel,
      argv,
      env,
      cwd: context.cwd,
      logDir: config.kernel_log_dir,
      kernelId: context.kernelId,
    });
    await options.checkpoint(hostState(host));
    throwIfAborted(signal);
    progress({ phase: 'starting', message: `on ${host.name}` });
    isBegun = true;
    if (host.user !== undefined) await toItsEnd(host.login, recordProgram(places.record, host.user), services);
    throwIfAborted(signal);
    for (let round = 1; ; round += 1) {
      const answer = await toItsEnd(host, program, services);
      const [, started] = /^started (.+)$/.exec(answer) ?? [];
      if (started !== undefined) {
        if (host.user !== undefined) await toItsEnd(host.login, noteProcessProgram(places.record, started), services);
        break;
      }
      const missing = /^stage (.+)$/.exec(answer)?.[1]?.split(' ') ?? [];
      if (missing.length === 0 || round > 1) {
        throw new ProvisionerError('HOST_COMMAND_FAILED', `the host answered ${JSON.stringify(answer.slice(0, 200))}`);
      }
      for (const hash of new Set(missing)) {
        const bundle = bundles.get(hash);
        progress({ phase: 'starting', message: `copying launchers to ${host.name}` });
        if (bundle !== undefined) await host.upload(bundle, places.kernel.remoteDir, { signal });
      }
      throwIfAborted(signal);
    }
    throwIfAborted(signal);
    return { places, way };
  } catch (error) {
    await way[Symbol.asyncDispose]().catch(() => undefined);
    // Where sudo refuses, nothing was started, and would not be ended either.
    const whereBegun = isProvisionerError(error, 'IMPERSONATION_REFUSED') ? host.login : host;
    if (isBegun) await takeBack(whereBegun, places, services);
    throw error;
  }
}

/** Not cut short by an abort: what it leaves would come after the removal. */
async function toItsEnd(host: KernelHost, program: ShellProgram, { clock }: ProvisionerServices): Promise<string> {
  const what = `the start of a kernel on ${host.name}`;
  const output = await withDeadline(
    { what, timeoutMs: START_MS, clock },
    async (scope) => await runProgram(host, program, { signal: scope.signal }),
  );
  return output.toString('utf8').trim();
}

async function takeBack(host: KernelHost, places: KernelPlaces, { clock, logger }: ProvisionerServices): Promise<void> {
  try {
    await withDeadline({ what: 'the removal of a failed launch', timeoutMs: REMOVAL_MS, clock }, async (scope) => {
      await removeKernel(host, places, { signal: scope.signal });
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
