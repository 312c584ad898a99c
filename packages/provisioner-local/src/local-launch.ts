import {
  KernelFailureError,
  OWNER_VARIABLE,
  abortError,
  errorMessage,
  formatOwner,
  isProvisionerError,
  openDeadline,
  raceSignal,
  readLogTail,
  spawnProcessGroup,
  throwIfAborted,
  toKernelExit,
  interruptSignalOf,
} from '@gateway-provisioners/core';
import type {
  ConnectionInfo,
  DeadlineScope,
  KernelExit,
  LaunchContext,
  LaunchOptions,
  ProcessGroup,
  ProcessWatcher,
  ProvisionerServices,
} from '@gateway-provisioners/core';
import { awaitListening } from './await-listening.ts';
import { kernelCommand } from './kernel-command.ts';
import { endKernel } from './kernel-end.ts';
import { createRunDir, kernelFiles, loadState, saveState, writeConnectionFile } from './kernel-files.ts';
import type { KernelFiles } from './kernel-files.ts';
import type { LocalConfig } from './local-config.ts';
import { chooseConnection, isAnyPortTaken } from './choose-connection.ts';
import { toProvisionerState } from './local-state.ts';
import type { LocalState } from './local-state.ts';
import type { SpawnTurns } from './spawn-turns.ts';

export interface LocalLaunchOptions {
  readonly context: LaunchContext;
  readonly launch: LaunchOptions;
  readonly config: LocalConfig;
  readonly services: ProvisionerServices;
  readonly watcher: ProcessWatcher;
  /** Shared by all launches. */
  readonly spawns: SpawnTurns;
  /** Process id for `JPY_PARENT_PID`. */
  readonly ownPid: number;
  /** Working directory of kernels for which the caller names none. */
  readonly defaultCwd: string;
}

/** A kernel that has been started and accepts connections. */
export interface StartedKernel {
  readonly state: LocalState;
  readonly files: KernelFiles;
  readonly connection: ConnectionInfo;
  readonly group: ProcessGroup;
}

// Between choosing a free port and the kernel's bind, another program may take it.
const PORT_ATTEMPTS = 3;
const LOG_TAIL_BYTES = 4 * 1024;

/**
 * Starts a kernel and waits until it accepts connections. Whatever fails, nothing is left.
 * Errors: `LAUNCH_FAILED`, `LAUNCH_TIMEOUT`, `CANCELLED`, and what `checkpoint` throws.
 */
export async function startLocalKernel(options: LocalLaunchOptions): Promise<StartedKernel> {
  const { context, services, launch, watcher } = options;
  const { clock } = services;
  const timeoutMs = context.deadline - clock.now();
  using deadline = openDeadline({ signal: launch.signal, timeoutMs, what: 'the launch of a kernel', clock });
  throwIfAborted(launch.signal);
  if (timeoutMs <= 0) throw timeoutError(context, '');
  const files = kernelFiles(services.runtimeDir, context);
  const attempt = new LaunchAttempt({ ...options, files, deadline });
  try {
    return await attempt.run();
  } catch (error) {
    const logTail = await readLogTail(files.logPath, { maxBytes: LOG_TAIL_BYTES }).catch(() => '');
    // Without a signal: what was begun is removed whatever happens to the caller.
    try {
      await endKernel({ owner: context, files, group: attempt.group, watcher, clock });
    } catch (cleanupError) {
      // The caller needs the reason of the failure; what is left here is found by list() and reaped.
      services.logger.error('what a failed launch had begun could not be removed', {
        kernelId: context.kernelId,
        error: errorMessage(cleanupError),
      });
    }
    const ranOut = isProvisionerError(error, 'DEADLINE_EXCEEDED') && error === deadline.signal.reason;
    throw ranOut ? timeoutError(context, logTail) : error;
  }
}

interface LaunchAttemptOptions extends LocalLaunchOptions {
  readonly files: KernelFiles;
  readonly deadline: DeadlineScope;
}

class LaunchAttempt {
  readonly #options: LaunchAttemptOptions;
  group: ProcessGroup | undefined;

  constructor(options: LaunchAttemptOptions) {
    this.#options = options;
  }

  async run(): Promise<StartedKernel> {
    const { context, launch, files, config, services, deadline, watcher } = this.#options;
    const { kernelSpec } = context;
    const command = await kernelCommand({ context, config, files, hostEnv: services.env });
    const state: LocalState = {
      version: 1,
      instanceId: context.instanceId,
      kernelId: context.kernelId,
      incarnation: context.incarnation,
      runDir: files.runDir,
      connectionFile: files.connectionFile,
      interruptSignal: interruptSignalOf(kernelSpec),
    };
    // Before anything exists, so that a crash at any point from here on leaves a record of where to look.
    await this.#checkpoint(state);
    if ((await loadState(files.runDir)) !== undefined) {
      await endKernel({ owner: context, files, group: undefined, watcher, clock: services.clock });
    }
    throwIfAborted(deadline.signal);
    await createRunDir(files, state);
    for (let round = 1; ; round += 1) {
      launch.progress?.({ phase: 'starting' });
      const started = await this.#start(state, command);
      launch.progress?.({ phase: 'connecting' });
      const exit = await this.#waitUntilListening(started);
      if (exit === undefined) return started;
      await started.group.endGroup({ graceMs: 0 });
      if (round === PORT_ATTEMPTS || !(await isAnyPortTaken(started.connection))) throw endedError(context, exit);
      services.logger.warn('a port of a kernel was taken before it could bind; trying others', {
        kernelId: context.kernelId,
      });
    }
  }

  async #start(intent: LocalState, command: readonly string[]): Promise<StartedKernel> {
    const { context, files, config, services, deadline, spawns, watcher, ownPid, defaultCwd } = this.#options;
    const connection = await chooseConnection({ context, config, files, signal: deadline.signal });
    await writeConnectionFile(files, connection);
    const { signal } = deadline;
    const spawn = async (): Promise<ProcessGroup> =>
      await spawnProcessGroup({
        command,
        env: {
          ...context.env,
          ...(config.parent_pid ? { JPY_PARENT_PID: String(ownPid) } : {}),
          [OWNER_VARIABLE]: formatOwner(context),
        },
        cwd: context.cwd ?? defaultCwd,
        logPath: files.logPath,
        table: watcher.table,
        clock: services.clock,
        signal,
      });
    const group = await spawns.run(spawn, { signal });
    this.group = group;
    const state = { ...intent, process: group.identity };
    await saveState(files, state);
    await this.#checkpoint(state);
    return { state, files, connection, group };
  }

  async #checkpoint(state: LocalState): Promise<void> {
    await raceSignal(this.#options.context.checkpoint(toProvisionerState(state)), this.#options.deadline.signal);
  }

  /** Undefined when the kernel listens, else how it ended. */
  async #waitUntilListening({ connection, group, files }: StartedKernel): Promise<KernelExit | undefined> {
    const { deadline, services } = this.#options;
    const stop = new AbortController();
    const forwardAbort = (): void => {
      stop.abort(abortError(deadline.signal));
    };
    deadline.signal.addEventListener('abort', forwardAbort, { once: true });
    if (deadline.signal.aborted) forwardAbort();
    const listening = awaitListening(connection, { signal: stop.signal, clock: services.clock });
    listening.catch(() => undefined);
    try {
      const exit = await raceSignal(Promise.race([listening, group.exited]), deadline.signal);
      if (exit === undefined) return undefined;
      return toKernelExit(exit, await readLogTail(files.logPath, { maxBytes: LOG_TAIL_BYTES }));
    } finally {
      deadline.signal.removeEventListener('abort', forwardAbort);
      stop.abort();
    }
  }
}

function endedError(context: LaunchContext, exit: KernelExit): KernelFailureError {
  const how = exit.signal === undefined ? `with exit code ${String(exit.exitCode)}` : `by ${exit.signal}`;
  return new KernelFailureError('LAUNCH_FAILED', `the kernel ended ${how} while it was starting`, {
    exit,
    coordinates: { kernel: context.kernelId, kernelspec: context.kernelSpec.name },
  });
}

function timeoutError(context: LaunchContext, logTail: string): KernelFailureError {
  return new KernelFailureError('LAUNCH_TIMEOUT', 'the kernel did not accept connections before the launch deadline', {
    logTail,
    coordinates: { kernel: context.kernelId, kernelspec: context.kernelSpec.name },
  });
}
