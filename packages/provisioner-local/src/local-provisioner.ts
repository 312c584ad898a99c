import {
  OWNER_VARIABLE,
  ProcessWatcher,
  ProvisionerError,
  assertOwnedBy,
  findMarkedProcesses,
  formatOwner,
  parseOwner,
  systemProcessTable,
  throwIfAborted,
} from '@gateway-provisioners/core';
import type {
  CallOptions,
  KernelProvisioner,
  LaunchContext,
  LaunchOptions,
  LaunchedKernel,
  OwnedResource,
  ProvisionerServices,
  ProvisionerState,
  ResourceListing,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { endKernel, findGroup } from './kernel-end.ts';
import { kernelFiles, loadState, loadStates, logPathIn } from './kernel-files.ts';
import type { KernelFiles } from './kernel-files.ts';
import type { LocalConfig } from './local-config.ts';
import { readConnectionFile } from './local-connection-file.ts';
import { LocalKernel } from './local-kernel.ts';
import { startLocalKernel } from './local-launch.ts';
import type { StartedKernel } from './local-launch.ts';
import { parseLocalState, toProvisionerState } from './local-state.ts';
import type { LocalState } from './local-state.ts';
import { LogTrimmer } from './log-trimmer.ts';
import { OomWatch } from './oom-watch.ts';
import { sharedScans } from './shared-scans.ts';
import { SpawnTurns } from './spawn-turns.ts';

/** Kernels as process groups of this machine. They live on when this program ends, however it ends. */
export class LocalProvisioner implements KernelProvisioner {
  readonly #services: ProvisionerServices;
  readonly #config: LocalConfig;
  readonly #watcher: ProcessWatcher;
  readonly #trimmer: LogTrimmer;
  readonly #oomWatch = new OomWatch();
  readonly #spawns: SpawnTurns;
  readonly #held = new Set<LocalKernel>();

  constructor(services: ProvisionerServices, config: LocalConfig) {
    const { clock, logger } = services;
    this.#services = services;
    this.#config = config;
    this.#watcher = new ProcessWatcher({ table: sharedScans(systemProcessTable()), clock });
    this.#spawns = new SpawnTurns({ clock });
    this.#trimmer = new LogTrimmer({ maxBytes: config.max_log_bytes, clock, logger });
  }

  async launch(context: LaunchContext, options: LaunchOptions = {}): Promise<LaunchedKernel> {
    assertOwnedBy(this.#services.instanceId, context);
    await this.#oomWatch.start();
    const started = await startLocalKernel({
      context,
      launch: options,
      config: this.#config,
      services: this.#services,
      watcher: this.#watcher,
      spawns: this.#spawns,
      ownPid: process.pid,
      defaultCwd: process.cwd(),
    });
    return this.#hold(started, { attached: false });
  }

  /** Errors: `KERNEL_UNREACHABLE` when the kernel lives but its connection file is gone. */
  async attach(state: ProvisionerState, options: CallOptions = {}): Promise<LaunchedKernel | undefined> {
    const given = parseLocalState(state);
    assertOwnedBy(this.#services.instanceId, given);
    const files = filesOf(given);
    // A crash between start and checkpoint leaves the process in the folder's copy only.
    const known = given.process === undefined ? ((await loadState(files.runDir)) ?? given) : given;
    const { signal } = options;
    const group = await findGroup(known.process, { watcher: this.#watcher, clock: this.#services.clock, signal });
    if (group === undefined) return undefined;
    try {
      const connection = await readConnectionFile(files.connectionFile, known);
      await this.#oomWatch.start();
      return this.#hold({ state: known, files, connection, group }, { attached: true });
    } catch (error) {
      group[Symbol.dispose]();
      throw error;
    }
  }

  async list(options: CallOptions = {}): Promise<ResourceListing> {
    const [states, marked] = await Promise.all([
      loadStates(this.#services.runtimeDir),
      findMarkedProcesses(OWNER_VARIABLE, { table: this.#watcher.table }),
    ]);
    throwIfAborted(options.signal);
    const resources = new Map<string, OwnedResource>();
    for (const state of states) resources.set(formatOwner(state), toResource(state));
    for (const { value } of marked) {
      const owner = parseOwner(value);
      // The folder is gone and processes remain: enough is known to remove them.
      if (owner !== undefined && !resources.has(value)) resources.set(value, this.#strayResource(owner));
    }
    const ours = [...resources.values()].filter(({ instanceId }) => instanceId === this.#services.instanceId);
    return { resources: ours, unreachable: [] };
  }

  async reap(resource: OwnedResource, options: CallOptions = {}): Promise<void> {
    assertOwnedBy(this.#services.instanceId, resource);
    const state = parseLocalState(resource.state);
    assertOwnedBy(this.#services.instanceId, state);
    const files = filesOf(state);
    const { signal } = options;
    const clock = this.#services.clock;
    const watcher = this.#watcher;
    const identity = state.process ?? (await loadState(files.runDir))?.process;
    const group = await findGroup(identity, { watcher, clock, signal });
    try {
      await endKernel({ owner: state, files, group, watcher, clock, signal });
    } finally {
      group?.[Symbol.dispose]();
    }
  }

  /** Lets go of all kernels; they run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const kernel of [...this.#held]) await kernel[Symbol.asyncDispose]();
    this.#trimmer[Symbol.dispose]();
  }

  #hold(started: StartedKernel, { attached }: { readonly attached: boolean }): LocalKernel {
    const stopTrimming = this.#trimmer.watch(started.files.logPath);
    const kernel = new LocalKernel({
      ...started,
      attached,
      watcher: this.#watcher,
      oomWatch: this.#oomWatch,
      clock: this.#services.clock,
      onReleased: () => {
        stopTrimming();
        this.#held.delete(kernel);
      },
    });
    this.#held.add(kernel);
    return kernel;
  }

  #strayResource(owner: ResourceOwner): OwnedResource {
    const { runDir, connectionFile } = kernelFiles(this.#services.runtimeDir, owner);
    const { instanceId, kernelId, incarnation } = owner;
    return toResource({ version: 1, instanceId, kernelId, incarnation, runDir, connectionFile, interruptSignal: 2 });
  }
}

function toResource(state: LocalState): OwnedResource {
  const { instanceId, kernelId, incarnation } = state;
  const id = state.process === undefined ? state.runDir : String(state.process.pid);
  return { id, instanceId, kernelId, incarnation, state: toProvisionerState(state) };
}

/** Files of a state, wherever the runtime folder was then. A state may name its own kernel's files and no others. */
function filesOf(state: LocalState): KernelFiles {
  const runtimeDir = state.runDir.slice(0, state.runDir.lastIndexOf('/'));
  const files = kernelFiles(runtimeDir, state);
  if (files.runDir === state.runDir && files.connectionFile === state.connectionFile) {
    return { ...files, logPath: logPathIn(state.runDir) };
  }
  throw new ProvisionerError('INVALID_ARGUMENT', 'a state of local-provisioner names files that are not its own');
}
