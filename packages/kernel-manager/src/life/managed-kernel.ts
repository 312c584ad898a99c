import { ProvisionerError } from '@gateway-provisioners/core';
import type {
  CallOptions,
  Cancellation,
  KernelExit,
  KernelFailureError,
  KernelProvisioner,
  KernelSpec,
  KernelStats,
  LaunchProgress,
  LaunchedKernel,
  Logger,
} from '@gateway-provisioners/core';
import type { KernelMessage, RoutedMessage } from '@gateway-provisioners/wire';
import { ClientHub, clientClosedError } from '../clients/client-hub.ts';
import { startExecution } from '../headless/execution.ts';
import { statusMessage, stderrMessage } from '../messages/own-messages.ts';
import { formatTimestamp } from '../messages/timestamp.ts';
import type { ManagerSettings } from '../settings.ts';
import type { RecordKeeper } from '../store/record-keeper.ts';
import type {
  ConnectOptions,
  ExecuteOptions,
  Execution,
  ExecutionState,
  Kernel,
  KernelClient,
  KernelModel,
  KernelPhase,
} from '../types.ts';
import { Activity } from './activity.ts';
import type { OpenChannels } from './channels.ts';
import { HeldMessages } from './held-messages.ts';
import { IdleHold, sendsOutputAfterIdle } from './idle-hold.ts';
import { KernelLife } from './kernel-life.ts';
import type { FirstStart } from './kernel-life-options.ts';

/** Control and stdin are closed this long after the last client left. */
const RELAX_AFTER_MS = 10_000;

export interface ManagedKernelOptions {
  readonly kernelSpec: KernelSpec;
  readonly provisioner: KernelProvisioner;
  readonly records: RecordKeeper;
  readonly settings: ManagerSettings;
  readonly logger: Logger;
  readonly openChannels: OpenChannels;
  readonly onProgress?: ((progress: LaunchProgress) => void) | undefined;
  readonly onChanged: (kernel: Kernel) => void;
  readonly onRemoved: (kernel: Kernel) => void;
  /** Before a dead kernel is restarted. Throws `LIMIT_EXCEEDED`. */
  readonly admit: (kernel: Kernel) => void;
}

/** A kernel as its users see it: its life, its clients, what it is doing. */
export class ManagedKernel implements Kernel {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly kernelSpec: KernelSpec;
  readonly #options: ManagedKernelOptions;
  readonly #life: KernelLife;
  readonly #hub: ClientHub;
  readonly #activity: Activity;
  readonly #held: HeldMessages;
  readonly #idleHold: IdleHold;
  readonly #executions = new Set<(error: ProvisionerError) => void>();
  #progress: LaunchProgress = { phase: 'queued' };
  #shownState: ExecutionState = 'starting';
  #deathNotice: (() => readonly KernelMessage[]) | undefined;
  #lastLog = '';
  #cancelRelax: Cancellation | undefined;

  constructor(options: ManagedKernelOptions) {
    const { records, settings, logger } = options;
    this.#options = options;
    this.id = records.record.kernelId;
    this.name = options.kernelSpec.name;
    this.owner = records.record.owner;
    this.kernelSpec = options.kernelSpec;
    this.#activity = new Activity(settings.clock, records.record.lastActivity);
    this.#held = new HeldMessages(settings.clientQueueBytes);
    this.#hub = new ClientHub({
      clock: settings.clock,
      logger,
      journal: settings.journal,
      clientQueueBytes: settings.clientQueueBytes,
      onConnections: () => {
        options.onChanged(this);
      },
      onMembers: () => {
        this.#scheduleRelax();
      },
      onForgotten: (clientKey) => {
        this.#life.current?.channels.forgetClient(clientKey);
      },
    });
    this.#idleHold = new IdleHold(settings.clock, (batch) => {
      this.#hub.deliver(batch);
    });
    this.#life = new KernelLife({
      ...options,
      listener: {
        onMessages: (batch) => {
          this.#onMessages(batch);
        },
        onChanged: () => {
          this.#showState();
        },
        onProgress: (progress) => {
          this.#progress = progress;
          options.onProgress?.(progress);
        },
        onRestarting: (cause) => {
          this.#onRestarting(cause);
        },
        onReachable: (isFound) => {
          this.#onReachable(isFound);
        },
        onInfo: (isBusy) => {
          this.#activity.settle(isBusy);
          this.#showState();
        },
        onDead: (error) => {
          this.#onDead(error);
        },
        onRemoved: () => {
          this.#onRemoved();
        },
        isBusy: () => this.#activity.state === 'busy',
      },
    });
  }

  get phase(): KernelPhase {
    return this.#life.phase;
  }

  get executionState(): ExecutionState {
    switch (this.#life.phase) {
      case 'launching':
        return 'starting';
      case 'connecting':
        if (this.#life.isFound) return 'unknown';
        return this.#life.incarnation === 1 ? 'starting' : 'restarting';
      case 'running':
        return this.#activity.state;
      case 'restarting':
        return 'restarting';
      case 'stopping':
        return 'terminating';
      case 'ended':
        return 'dead';
    }
  }

  get lastActivity(): number {
    return this.#activity.lastActivity;
  }

  get connections(): number {
    return this.#hub.connections;
  }

  get incarnation(): number {
    return this.#life.incarnation;
  }

  get exit(): KernelExit | undefined {
    return this.#life.exit;
  }

  get progress(): LaunchProgress {
    return this.#progress;
  }

  get info(): Readonly<Record<string, unknown>> | undefined {
    return this.#life.info;
  }

  model(): KernelModel {
    const { reason } = this.#life;
    return {
      id: this.id,
      name: this.name,
      last_activity: formatTimestamp(this.lastActivity),
      execution_state: this.executionState,
      connections: this.connections,
      ...(reason === undefined ? {} : { reason }),
    };
  }

  async start(options: FirstStart): Promise<void> {
    await this.#life.start(options);
  }

  async attach(launched: LaunchedKernel): Promise<void> {
    // When it was last used is not known: the record is as old as the last change of phase. It must not be culled for it.
    this.#activity.touch();
    await this.#life.attach(launched);
  }

  /** Like {@link attach} for a kernel that was created and has never answered. */
  async resume(launched: LaunchedKernel): Promise<void> {
    this.#activity.touch();
    await this.#life.resume(launched);
  }

  async ready(options: CallOptions = {}): Promise<void> {
    await this.#life.ready(options.signal);
  }

  async interrupt(options: CallOptions = {}): Promise<void> {
    const { current } = this.#life;
    if (current === undefined || this.phase !== 'running') {
      throw new ProvisionerError('INVALID_STATE', `a kernel that is ${this.phase} cannot be interrupted`, {
        coordinates: { kernelId: this.id },
      });
    }
    await current.interrupt(options.signal);
  }

  async restart(options: CallOptions = {}): Promise<void> {
    if (this.phase === 'ended') this.#options.admit(this);
    await this.#life.restart(options.signal);
  }

  async shutdown(options: CallOptions & { readonly now?: boolean | undefined } = {}): Promise<void> {
    await this.#life.stop({ now: options.now ?? false, signal: options.signal });
  }

  /** Lets go of the kernel, which lives on. */
  async release(): Promise<void> {
    await this.#life.release(this.lastActivity);
    this.#failExecutions(new ProvisionerError('CANCELLED', 'the manager was closed'));
    this.#hub.end('closed');
    this.#cancelRelax?.();
  }

  connect(options: ConnectOptions): KernelClient {
    if (this.#life.isRemoved || this.phase === 'stopping') {
      throw new ProvisionerError('INVALID_STATE', 'the kernel has ended', { coordinates: { kernelId: this.id } });
    }
    const client = this.#hub.join(options);
    const notice = this.#deathNotice;
    if (notice !== undefined) {
      queueMicrotask(() => {
        if (notice === this.#deathNotice) this.#hub.tell(client.clientKey, notice());
      });
    }
    return {
      kernel: this,
      send: (message) => {
        if (!client.isOpen) throw clientClosedError();
        this.#send(message, client.clientKey);
      },
      resume: () => {
        client.resume();
      },
      get queuedBytes() {
        return client.queuedBytes;
      },
      get dropped() {
        return client.dropped;
      },
      close: (leaving) => {
        client.close(leaving);
      },
    };
  }

  execute(code: string, options: ExecuteOptions = {}): Execution {
    return startExecution(code, options, {
      kernel: this,
      clock: this.#options.settings.clock,
      maxQueuedBytes: this.#options.settings.clientQueueBytes,
      join: (accepts, sink) => this.#hub.join({ accepts, sink }),
      send: (message, clientKey) => {
        this.#send(message, clientKey);
      },
      isHeld: (messageId) => this.#held.has(messageId),
      onLost: (listener) => {
        this.#executions.add(listener);
        return () => {
          this.#executions.delete(listener);
        };
      },
    });
  }

  async logs(options: CallOptions & { readonly maxBytes?: number | undefined } = {}): Promise<string> {
    return (await this.#life.current?.logs(options)) ?? this.#lastLog;
  }

  async stats(options: CallOptions = {}): Promise<KernelStats | undefined> {
    return await this.#life.current?.stats(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #send(message: KernelMessage, clientKey: string): void {
    const { current, isRemoved } = this.#life;
    if (isRemoved || this.phase === 'stopping' || this.phase === 'ended') {
      throw new ProvisionerError('INVALID_STATE', `the kernel is ${this.executionState}`, {
        coordinates: { kernelId: this.id },
      });
    }
    this.#activity.touch();
    if (this.phase === 'running' && current !== undefined) current.channels.send(message, clientKey);
    else this.#held.push(message, clientKey);
  }

  #onMessages(batch: readonly RoutedMessage[]): void {
    const forClients = batch.filter(({ route }) => route.to !== 'nobody');
    if (forClients.length === 0) return;
    for (const { message } of forClients) this.#activity.observe(message);
    this.#hub.deliver(sendsOutputAfterIdle(this.info) ? this.#idleHold.pass(forClients) : forClients);
    this.#showState();
  }

  #onRestarting(cause: 'requested' | 'died'): void {
    this.#deathNotice = undefined;
    this.#activity.reset('unknown');
    // JupyterLab takes `restarting` for a death, whoever asked for the restart, and says so in a dialog.
    const state = cause === 'died' ? 'restarting' : 'starting';
    this.#hub.broadcast(statusMessage(state, this.#life.current?.kernelSession ?? ''));
    this.#failExecutions(
      new ProvisionerError('KERNEL_DIED', 'the kernel was restarted', { coordinates: { kernelId: this.id } }),
    );
  }

  #onReachable(isFound: boolean): void {
    const { current } = this.#life;
    if (current === undefined) return;
    // The kernel published its own idle for our request, which is nobody's; clients must hear that it is ready.
    if (!isFound) this.#hub.broadcast(statusMessage('idle', current.kernelSession));
    for (const { message, clientKey } of this.#held.takeAll()) {
      try {
        current.channels.send(message, clientKey);
      } catch (error) {
        this.#options.logger.error('a held message could not be sent', { error: String(error) });
      }
    }
  }

  #onDead(error: ProvisionerError | KernelFailureError): void {
    this.#idleHold.clear();
    const session = this.#life.current?.kernelSession ?? '';
    this.#lastLog = 'logTail' in error ? error.logTail : '';
    this.#held.takeAll();
    const notice = (): readonly KernelMessage[] => [
      stderrMessage(`${error.message}\n`, session),
      statusMessage('dead', session),
    ];
    this.#deathNotice = notice;
    this.#hub.broadcast(...notice());
    this.#failExecutions(error);
  }

  #onRemoved(): void {
    this.#idleHold.clear();
    this.#held.takeAll();
    this.#cancelRelax?.();
    this.#failExecutions(
      new ProvisionerError('KERNEL_DIED', 'the kernel was shut down', { coordinates: { kernelId: this.id } }),
    );
    this.#hub.end('kernel-ended');
    this.#options.onRemoved(this);
  }

  #failExecutions(error: ProvisionerError): void {
    for (const fail of [...this.#executions]) fail(error);
  }

  #showState(): void {
    if (this.executionState === this.#shownState) return;
    this.#shownState = this.executionState;
    this.#options.onChanged(this);
  }

  #scheduleRelax(): void {
    this.#cancelRelax?.();
    this.#cancelRelax = undefined;
    if (!this.#hub.isDeserted || this.#life.isRemoved) return;
    this.#cancelRelax = this.#options.settings.clock.schedule(
      RELAX_AFTER_MS,
      () => {
        if (this.phase === 'running') this.#life.current?.channels.relax();
      },
      { background: true },
    );
  }
}
