import { randomBytes } from 'node:crypto';
import {
  KernelFailureError,
  OWNER_VARIABLE,
  formatOwner,
  isProvisionerError,
  openDeadline,
  raceSignal,
  readLogTail,
  reservePorts,
  spawnProcessGroup,
  throwIfAborted,
  toKernelExit,
} from '@gateway-provisioners/core';
import type {
  CallOptions,
  ConnectionInfo,
  DeadlineScope,
  LaunchContext,
  ProcessGroup,
  ProvisionerServices,
} from '@gateway-provisioners/core';
import { HelloFiles, toState } from './hello-files.ts';
import type { HelloState } from './hello-files.ts';
import { HelloKernel, endProcesses } from './hello-kernel.ts';
import { waitForPort } from './wait-for-port.ts';

const HOST = '127.0.0.1';

/** Starts a kernel and waits until it accepts connections. Whatever fails, nothing is left. */
export async function launchHello(
  context: LaunchContext,
  services: ProvisionerServices,
  options: CallOptions,
): Promise<HelloKernel> {
  const { clock } = services;
  const timeoutMs = context.deadline - clock.now();
  using deadline = openDeadline({ signal: options.signal, timeoutMs, what: 'the launch', clock });
  const files = new HelloFiles(services.runtimeDir, context);
  const launch = new HelloLaunch({ context, services, files, deadline });
  try {
    return await launch.run();
  } catch (error) {
    const logTail = await readLogTail(files.logFile).catch(() => '');
    // Without the caller's signal: cleaning up is not theirs to abort.
    await endProcesses(context, launch.group);
    await files.remove();
    if (!isProvisionerError(error, 'DEADLINE_EXCEEDED')) throw error;
    throw new KernelFailureError('LAUNCH_TIMEOUT', 'the kernel did not listen in time', { logTail, cause: error });
  }
}

interface HelloLaunchOptions {
  readonly context: LaunchContext;
  readonly services: ProvisionerServices;
  readonly files: HelloFiles;
  readonly deadline: DeadlineScope;
}

class HelloLaunch {
  readonly #options: HelloLaunchOptions;
  group: ProcessGroup | undefined;

  constructor(options: HelloLaunchOptions) {
    this.#options = options;
  }

  async run(): Promise<HelloKernel> {
    const { context, files, services, deadline } = this.#options;
    const { signal } = deadline;
    const { instanceId, kernelId, incarnation } = context;
    if (deadline.remainingMs() === 0) throw new KernelFailureError('LAUNCH_TIMEOUT', 'the deadline has passed');
    throwIfAborted(signal);
    // Stored before anything exists, so that a crash from here on leaves a record of whose it is.
    const intent: HelloState = { instanceId, kernelId, incarnation };
    await raceSignal(context.checkpoint(toState(intent)), signal);
    // What a crash may have left of this very incarnation.
    await endProcesses(context, undefined);
    await files.remove();

    await files.create();
    const connection = await this.#connection();
    await files.writeConnection(connection);
    const group = await spawnProcessGroup({
      command: context.kernelSpec.argv.map((part) => part.replaceAll('{connection_file}', files.connectionFile)),
      env: { ...context.env, [OWNER_VARIABLE]: formatOwner(context) },
      cwd: context.cwd ?? files.folder,
      logPath: files.logFile,
      clock: services.clock,
      signal,
    });
    this.group = group;
    const state: HelloState = { ...intent, process: group.identity };
    await files.writeState(state);
    await raceSignal(context.checkpoint(toState(state)), signal);
    await this.#listening(connection, group);
    return new HelloKernel({ state, files, group, connection });
  }

  async #connection(): Promise<ConnectionInfo> {
    const ports = await reservePorts({ count: 5, host: HOST, signal: this.#options.deadline.signal });
    const [shell_port = 0, iopub_port = 0, stdin_port = 0, control_port = 0, hb_port = 0] = ports;
    return {
      transport: 'tcp',
      ip: HOST,
      shell_port,
      iopub_port,
      stdin_port,
      control_port,
      hb_port,
      key: randomBytes(32).toString('hex'),
      signature_scheme: 'hmac-sha256',
      kernel_name: this.#options.context.kernelSpec.name,
    };
  }

  /** A race of readiness, the kernel's end, the deadline and the caller. */
  async #listening(connection: ConnectionInfo, group: ProcessGroup): Promise<void> {
    const { deadline, files } = this.#options;
    const stop = new AbortController();
    const ready = this.#untilReady(connection, stop.signal);
    try {
      const exit = await raceSignal(Promise.race([ready, group.exited]), deadline.signal);
      if (exit === undefined) return;
      const kernelExit = toKernelExit(exit, await readLogTail(files.logFile));
      const how = exit.signal ?? `exit code ${String(exit.exitCode)}`;
      throw new KernelFailureError('LAUNCH_FAILED', `the kernel ended while it was starting (${how})`, {
        exit: kernelExit,
      });
    } finally {
      stop.abort();
      // Nothing of ours may still be connecting when the launch has settled.
      await ready.catch(() => undefined);
    }
  }

  async #untilReady({ ip, shell_port, iopub_port }: ConnectionInfo, signal: AbortSignal): Promise<undefined> {
    const { clock } = this.#options.services;
    for (const port of [shell_port, iopub_port]) await waitForPort({ host: ip, port }, { signal, clock });
    return undefined;
  }
}
