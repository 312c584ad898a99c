import {
  OWNER_VARIABLE,
  endMarkedProcesses,
  formatOwner,
  isSameProcess,
  observed,
  readLogTail,
  toKernelExit,
} from '@gateway-provisioners/core';
import type {
  CallOptions,
  ConnectionInfo,
  KernelConnection,
  KernelEndpoint,
  KernelExit,
  LaunchedKernel,
  Liveness,
  Observed,
  ProcessExit,
  ProcessGroup,
  ProvisionerState,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { toState } from './hello-files.ts';
import type { HelloFiles, HelloState } from './hello-files.ts';

const SIGINT = 2;
const SIGTERM = 15;

export interface HelloKernelParts {
  readonly state: HelloState;
  readonly files: HelloFiles;
  readonly group: ProcessGroup;
  readonly connection: ConnectionInfo;
}

export class HelloKernel implements LaunchedKernel {
  readonly connection: Observed<KernelConnection>;
  readonly exited: Promise<KernelExit>;
  readonly #parts: HelloKernelParts;
  #settle: (exit: KernelExit) => void = () => undefined;
  #endRequested = false;

  constructor(parts: HelloKernelParts) {
    this.#parts = parts;
    this.connection = observed({ info: parts.connection });
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    void parts.group.exited.then((exit) => this.#end(exit));
  }

  get state(): ProvisionerState {
    return toState(this.#parts.state);
  }

  async liveness(): Promise<Liveness> {
    const { group } = this.#parts;
    return group.running && (await isSameProcess(group.identity)) ? 'alive' : 'dead';
  }

  async interrupt(): Promise<void> {
    await this.#parts.group.signalGroup(SIGINT);
  }

  async signal(signum: number): Promise<void> {
    await this.#parts.group.signalGroup(signum);
  }

  async terminate(): Promise<void> {
    this.#endRequested = true;
    await this.#parts.group.signalGroup(SIGTERM);
  }

  async kill(options: CallOptions = {}): Promise<void> {
    const { state, files, group } = this.#parts;
    this.#endRequested = true;
    await endProcesses(state, group, options);
    // The log goes with the folder, so its tail is read before.
    await this.#end({ exitCode: 'unknown', signal: undefined });
    await files.remove();
  }

  async logs(options: CallOptions & { readonly maxBytes?: number } = {}): Promise<string> {
    const { maxBytes } = options;
    return await readLogTail(this.#parts.files.logFile, maxBytes === undefined ? {} : { maxBytes });
  }

  endpoint(port: number): Promise<KernelEndpoint | undefined> {
    return Promise.resolve({ host: this.#parts.connection.ip, port });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#parts.group[Symbol.dispose]();
    return Promise.resolve();
  }

  async #end(exit: ProcessExit): Promise<void> {
    const tail = await this.logs().catch(() => '');
    const kernelExit = toKernelExit(exit, tail);
    // The first call settles it; a kernel that ended by itself stays `exited` or `signalled` after `kill`.
    this.#settle(this.#endRequested ? { ...kernelExit, reason: 'killed' } : kernelExit);
  }
}

/** Ends the group, then whatever has left it and still carries the owner's mark. Nothing there: nothing to do. */
export async function endProcesses(
  owner: ResourceOwner,
  group: ProcessGroup | undefined,
  options: CallOptions = {},
): Promise<void> {
  await group?.endGroup({ graceMs: 0, signal: options.signal });
  await endMarkedProcesses({ name: OWNER_VARIABLE, value: formatOwner(owner), signal: options.signal });
}
