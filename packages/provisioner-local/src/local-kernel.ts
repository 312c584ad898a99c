import { observed, raceSignal, readLogTail, toKernelExit } from '@gateway-provisioners/core';
import type {
  CallOptions,
  Clock,
  ConnectionInfo,
  KernelConnection,
  KernelEndpoint,
  KernelExit,
  LaunchedKernel,
  Liveness,
  Observed,
  ProcessExit,
  ProcessGroup,
  ProcessWatcher,
  ProvisionerState,
} from '@gateway-provisioners/core';
import { endKernel } from './kernel-end.ts';
import type { KernelFiles } from './kernel-files.ts';
import { toProvisionerState } from './local-state.ts';
import type { LocalState } from './local-state.ts';
import type { OomWatch } from './oom-watch.ts';

const SIGTERM = 15;
const SIGKILL = 9;
const LOG_TAIL_BYTES = 4 * 1024;

export interface LocalKernelOptions {
  readonly state: LocalState;
  readonly files: KernelFiles;
  readonly connection: ConnectionInfo;
  readonly group: ProcessGroup;
  /** Not our child: nobody but the process table tells of its end. */
  readonly attached: boolean;
  readonly watcher: ProcessWatcher;
  readonly oomWatch: OomWatch;
  readonly clock: Clock;
  /** Runs once when the kernel was removed or let go of. */
  readonly onReleased: () => void;
}

/** A kernel that is a process group of this machine. */
export class LocalKernel implements LaunchedKernel {
  readonly connection: Observed<KernelConnection>;
  readonly exited: Promise<KernelExit>;
  readonly logPath: string;
  readonly #options: LocalKernelOptions;
  #settle: (exit: KernelExit) => void = () => undefined;
  #ended = false;
  /** We asked for the end, so it is no accident. */
  #endRequested = false;
  #removed = false;

  constructor(options: LocalKernelOptions) {
    this.#options = options;
    this.logPath = options.files.logPath;
    this.connection = observed<KernelConnection>({ info: options.connection });
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    void options.group.exited.then((exit) => this.#end(exit));
  }

  get state(): ProvisionerState {
    return toProvisionerState(this.#options.state);
  }

  async liveness(options: CallOptions = {}): Promise<Liveness> {
    const { group, watcher } = this.#options;
    if (this.#ended || !group.running) return 'dead';
    const live = await raceSignal(watcher.table.lookup([group.pid]), options.signal);
    return live.get(group.pid)?.startTime === group.identity.startTime ? 'alive' : 'dead';
  }

  async interrupt(): Promise<void> {
    await this.#options.group.signalGroup(this.#options.state.interruptSignal);
  }

  async signal(signum: number): Promise<void> {
    if (signum === SIGKILL || signum === SIGTERM) this.#endRequested = true;
    await this.#options.group.signalGroup(signum);
  }

  async terminate(): Promise<void> {
    this.#endRequested = true;
    await this.#options.group.signalGroup(SIGTERM);
  }

  async kill(options: CallOptions = {}): Promise<void> {
    if (this.#removed) return;
    const { state, files, group, attached, watcher, clock } = this.#options;
    this.#endRequested = true;
    // The log must have been read before its file goes. Of a child the system will tell; of others we just saw it.
    const beforeRemoval = async (): Promise<void> => {
      await (attached ? this.#end({ exitCode: 'unknown', signal: undefined }) : this.exited);
    };
    await endKernel({ owner: state, files, group, watcher, clock, beforeRemoval, signal: options.signal });
    this.#removed = true;
    this.#release();
  }

  async logs(options: CallOptions & { readonly maxBytes?: number } = {}): Promise<string> {
    const { maxBytes } = options;
    return await raceSignal(readLogTail(this.logPath, maxBytes === undefined ? {} : { maxBytes }), options.signal);
  }

  endpoint(port: number): Promise<KernelEndpoint | undefined> {
    return Promise.resolve(this.#removed ? undefined : { host: '127.0.0.1', port });
  }

  /** Lets go; the kernel runs on. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#release();
    return Promise.resolve();
  }

  #release(): void {
    this.#options.group[Symbol.dispose]();
    this.#options.onReleased();
  }

  async #end(exit: ProcessExit): Promise<void> {
    if (this.#ended) {
      await this.exited;
      return;
    }
    this.#ended = true;
    const logTail = await readLogTail(this.logPath, { maxBytes: LOG_TAIL_BYTES }).catch(() => '');
    this.#settle(await this.#explain(toKernelExit(exit, logTail)));
  }

  async #explain(exit: KernelExit): Promise<KernelExit> {
    if (this.#endRequested && exit.reason !== 'exited') return { ...exit, reason: 'killed' };
    if (exit.signal !== 'SIGKILL') return exit;
    if (await this.#options.oomWatch.claim()) {
      return { ...exit, reason: 'oom', detail: 'the operating system ended it because memory ran out' };
    }
    const detail = 'SIGKILL was sent by somebody else; when memory runs out the operating system does so (see dmesg)';
    return { ...exit, detail };
  }
}
