import {
  KernelFailureError,
  ProvisionerError,
  abortError,
  errorMessage,
  openDeadline,
  raceSignal,
  throwIfAborted,
  toProvisionerError,
  describeExit,
} from '@gateway-provisioners/core';
import type { DeadlineScope, KernelExit, LaunchedKernel } from '@gateway-provisioners/core';
import type { KernelPhase } from '../types.ts';
import { Gate } from './gate.ts';
import { Incarnation } from './incarnation.ts';
import type { EndOptions } from './incarnation.ts';
import type { FirstStart, KernelLifeOptions } from './kernel-life-options.ts';
import { launchTimeoutOf } from './launch-timeout.ts';
import { LaunchLeftover, cancelled, launch, launchContext, launchError, unlessItEnds } from './launch.ts';
import { canTake, nextPhase } from './phase.ts';
import type { PhaseEvent } from './phase.ts';
import { RestartBudget } from './restart-budget.ts';

const KILL: EndOptions = { graceful: false, restart: false, isBusy: false };

/**
 * The life of one kernel, from its first launch over its restarts to its end. At any time at most one piece of work is
 * under way (a launch, a restart, a revival after a death); a shutdown stops that work and comes after it.
 */
export class KernelLife {
  exit: KernelExit | undefined;
  reason: string | undefined;
  info: Readonly<Record<string, unknown>> | undefined;
  readonly #options: KernelLifeOptions;
  readonly #budget: RestartBudget;
  #phase: KernelPhase = 'launching';
  #number: number;
  #current: Incarnation | undefined;
  #isFound = false;
  #gate = new Gate<undefined>();
  /** Open once the first start has an answer that its caller may act on before the kernel is ready. */
  #created: Gate<undefined> | undefined;
  #attempt = new AbortController();
  #work: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** False once somebody wants it gone. */
  #isWanted = true;
  #isRemoved = false;
  #hasLeftover = false;

  constructor(options: KernelLifeOptions) {
    this.#options = options;
    this.#number = options.records.record.incarnation;
    this.#budget = new RestartBudget({ ...options.settings.autoRestart, clock: options.settings.clock });
  }

  get phase(): KernelPhase {
    return this.#phase;
  }

  get incarnation(): number {
    return this.#number;
  }

  /** True while an attached kernel has not told what it does. */
  get isFound(): boolean {
    return this.#isFound;
  }

  get current(): Incarnation | undefined {
    return this.#current;
  }

  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  async ready(signal: AbortSignal | undefined): Promise<void> {
    await this.#gate.wait({ signal });
  }

  /** Errors: `LAUNCH_FAILED`, `LAUNCH_TIMEOUT`, whatever the provisioner throws; nothing is left of it then. */
  async start(options: FirstStart): Promise<void> {
    const { signal, until, timeoutMs } = options;
    if (until === 'launched') this.#created = new Gate();
    const onAbort = (): void => {
      if (signal !== undefined) this.#attempt.abort(abortError(signal));
    };
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const work = this.#begin(this.#firstLife(timeoutMs));
      await Promise.race([this.#created?.promise ?? work, work]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Takes over a kernel that runs. Settles when its channels are open; it may answer much later. */
  async attach(launched: LaunchedKernel): Promise<void> {
    this.#isFound = true;
    const incarnation = this.#adopt(launched);
    this.#move('created');
    const { signal } = this.#attempt;
    await incarnation.reach(signal);
    throwIfAborted(signal);
    this.#move('answered');
    this.#options.listener.onReachable(true);
    void this.#learn(incarnation, signal);
  }

  /** Takes over a kernel that was created and never answered; it is dead unless it does within the launch timeout. */
  async resume(launched: LaunchedKernel): Promise<void> {
    this.#created = new Gate();
    this.#created.open(undefined);
    await this.#begin(this.#firstLife(launchTimeoutOf(this.#options), launched));
  }

  async restart(signal: AbortSignal | undefined): Promise<void> {
    if (this.#work === undefined) {
      if (!this.#isWanted || !canTake(this.#phase, 'restart')) {
        throw new ProvisionerError('INVALID_STATE', `the kernel is ${this.#isRemoved ? 'gone' : this.#phase}`);
      }
      void this.#begin(this.#restart());
    }
    await raceSignal(this.#work ?? Promise.resolve(), signal);
  }

  /** Ends it and removes all that belongs to it. Can be tried again when it failed. */
  async stop(options: { readonly now: boolean; readonly signal?: AbortSignal | undefined }): Promise<void> {
    if (this.#isRemoved) return;
    if (this.#stopping !== undefined && options.now) this.#current?.launched.kill().catch(() => undefined);
    this.#stopping ??= this.#stop(options.now).finally(() => {
      this.#stopping = undefined;
    });
    await raceSignal(this.#stopping, options.signal);
  }

  /** Lets go of the kernel, which lives on to be attached to later. One that nobody was told of is removed. */
  async release(lastActivity: number): Promise<void> {
    const { records } = this.#options;
    const isFirst = this.#work !== undefined && records.record.incarnation === 1 && !this.#gate.isSettled;
    if (isFirst && this.#created?.isSettled !== true) {
      await this.stop({ now: true });
      return;
    }
    // One that exists and has not answered can be waited for by whoever attaches to it.
    if (this.#phase !== 'connecting') await this.#work?.catch(() => undefined);
    const reason = cancelled('the manager was closed');
    this.#isWanted = false;
    this.#attempt.abort(reason);
    await this.#work?.catch(() => undefined);
    this.#gate.fail(reason);
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    current.mute();
    await records.write({ lastActivity, state: current.launched.state });
    await current.release();
  }

  async #firstLife(timeoutMs: number, found?: LaunchedKernel): Promise<void> {
    try {
      await this.#bringUp(timeoutMs, found);
    } catch (error) {
      if (!this.#isWanted) throw error; // whoever stops it cleans up
      if (this.#created?.isSettled === true) await this.#becomeDead(toProvisionerError(error));
      else await this.#abandon(error);
      throw error;
    }
  }

  async #restart(): Promise<void> {
    this.#budget.reset();
    this.#beginAnew('requested');
    try {
      await this.#endCurrent({ graceful: true, restart: true, isBusy: this.#options.listener.isBusy() });
      await this.#nextLife();
    } catch (error) {
      if (this.#isWanted) await this.#becomeDead(toProvisionerError(error));
      throw error;
    }
  }

  async #revive(exit: KernelExit): Promise<void> {
    this.exit = exit;
    let failure: ProvisionerError = new KernelFailureError('KERNEL_DIED', `the kernel died: ${describeExit(exit)}`, {
      exit,
    });
    while (this.#budget.take()) {
      this.#options.logger.warn('the kernel died and is started again', { attempt: this.#budget.used });
      this.#beginAnew('died');
      try {
        await this.#endCurrent(KILL);
        await this.#nextLife();
        return;
      } catch (error) {
        if (!this.#isWanted) throw error;
        failure = toProvisionerError(error);
        if (error instanceof KernelFailureError) this.exit = error.exit ?? this.exit;
      }
    }
    await this.#becomeDead(failure);
    throw failure;
  }

  #beginAnew(cause: 'requested' | 'died'): void {
    this.reason = undefined;
    this.info = undefined;
    this.#isFound = false;
    this.#attempt.abort(cancelled('the kernel is restarted'));
    this.#current?.mute();
    if (this.#gate.isSettled) this.#gate = new Gate();
    if (this.#phase !== 'restarting') this.#move('restart');
    this.#options.listener.onRestarting(cause);
  }

  async #nextLife(): Promise<void> {
    if (!this.#isWanted) throw cancelled('the kernel is being shut down');
    this.#attempt = new AbortController();
    this.#number += 1;
    await this.#bringUp(launchTimeoutOf(this.#options));
  }

  /** Launches, or takes what was found, and waits for the first answer. What exists is then in `#current`. */
  async #bringUp(timeoutMs: number, found?: LaunchedKernel): Promise<void> {
    const { records, listener, settings } = this.#options;
    const what = 'launch of the kernel';
    using scope = openDeadline({ signal: this.#attempt.signal, timeoutMs, what, clock: settings.clock });
    try {
      const launched = found ?? (await this.#launch(scope));
      const incarnation = this.#adopt(launched);
      const connection = launched.connection.current.info;
      await records.write({ phase: 'connecting', state: launched.state, connection });
      throwIfAborted(scope.signal);
      this.#move('created');
      listener.onProgress({ phase: 'connecting' });
      this.#created?.open(undefined);
      const answer = incarnation.handshake(scope.signal);
      this.info = await unlessItEnds(answer, launched, records.record.kernelId);
      // Before anything is asked of it: who attaches later must know whether it may be at work.
      await records.write({ phase: 'running' });
      throwIfAborted(scope.signal);
      listener.onInfo(false);
      this.#move('answered');
      this.#budget.onReady();
      listener.onReachable(false);
      listener.onProgress({ phase: 'ready' });
      this.#gate.open(undefined);
    } catch (error) {
      this.#hasLeftover = error instanceof LaunchLeftover;
      const facts = { launched: this.#current?.launched, kernelId: records.record.kernelId };
      const failure = await launchError(error, { signal: scope.signal, ...facts });
      listener.onProgress({ phase: 'failed', message: failure.message });
      throw failure;
    }
  }

  async #launch(scope: DeadlineScope): Promise<LaunchedKernel> {
    const { kernelSpec, logger, listener, provisioner, records, settings } = this.#options;
    const context = launchContext({
      record: { ...records.record, incarnation: this.#number },
      kernelSpec,
      settings,
      deadline: settings.clock.now() + scope.remainingMs(),
      checkpoint: async (state) => {
        await records.write({ state });
      },
    });
    await records.write({ phase: 'launching', incarnation: this.#number, state: undefined, connection: undefined });
    throwIfAborted(scope.signal);
    const { signal } = scope;
    return await launch({ provisioner, context, signal, progress: listener.onProgress, clock: settings.clock, logger });
  }

  #adopt(launched: LaunchedKernel): Incarnation {
    const { kernelSpec, listener, logger, openChannels, settings } = this.#options;
    const incarnation = new Incarnation({
      number: this.#number,
      launched,
      settings,
      logger,
      openChannels,
      interruptMode: kernelSpec.interruptMode,
      onMessages: listener.onMessages,
    });
    this.#current = incarnation;
    void launched.exited.then((exit) => {
      this.#onExit(incarnation, exit);
    });
    return incarnation;
  }

  /** Work that is under way notices the end itself. */
  #onExit(incarnation: Incarnation, exit: KernelExit): void {
    if (incarnation !== this.#current || this.#work !== undefined || !this.#isWanted) return;
    if (this.#phase !== 'running' && this.#phase !== 'connecting') return;
    void this.#begin(this.#revive(exit));
  }

  async #learn(incarnation: Incarnation, signal: AbortSignal): Promise<void> {
    const { listener, logger } = this.#options;
    try {
      const info = await incarnation.askInfo(signal, () => {
        listener.onInfo(true);
      });
      throwIfAborted(signal);
      this.info = info;
      this.#isFound = false;
      this.#budget.onReady();
      listener.onInfo(false);
      this.#gate.open(undefined);
    } catch (error) {
      logger.debug('asking an attached kernel for its info ended', { error: errorMessage(error) });
    }
  }

  async #becomeDead(failure: ProvisionerError): Promise<void> {
    this.reason = failure.message.split('\n', 1)[0];
    this.#gate.fail(failure);
    this.#move('ended');
    this.#options.listener.onDead(failure);
    await this.#removeQuietly();
  }

  /** A kernel that nobody has seen yet could not be started. */
  async #abandon(failure: unknown): Promise<void> {
    await this.#removeQuietly();
    this.#gate.fail(failure);
    this.#finish();
  }

  /** What cannot be removed now keeps its record, for the next recovery. */
  async #removeQuietly(): Promise<void> {
    const { logger, records } = this.#options;
    try {
      await this.#endCurrent(KILL);
      if (this.#hasLeftover) await records.write({ phase: 'ending' });
      else await records.remove();
    } catch (error) {
      logger.error('what was left of a kernel could not be removed', { error: errorMessage(error) });
      await records.write({ phase: 'ending' }).catch(() => undefined);
    }
  }

  async #stop(now: boolean): Promise<void> {
    const { listener, logger, records } = this.#options;
    this.#isWanted = false;
    const isBusy = listener.isBusy();
    this.#attempt.abort(cancelled('the kernel is being shut down'));
    this.#move('stop');
    await this.#work?.catch(() => undefined);
    // A start that failed at that moment has removed it already.
    if (this.#isRemoved) return;
    try {
      if (records.isStored) await records.write({ phase: 'ending' });
      await this.#endCurrent({ graceful: !now, restart: false, isBusy });
      if (!this.#hasLeftover) await records.remove();
    } catch (error) {
      this.reason = `it could not be removed: ${errorMessage(error)}`;
      this.#move('ended');
      logger.error('a kernel could not be removed', { error: errorMessage(error) });
      throw error;
    }
    this.#gate.fail(cancelled('the kernel was shut down'));
    this.#finish();
  }

  #finish(): void {
    this.#isRemoved = true;
    if (this.#phase !== 'ended') this.#move('ended');
    this.#options.listener.onRemoved();
  }

  async #endCurrent(options: EndOptions): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    await current.end(options);
    if (this.#current === current) this.#current = undefined;
  }

  #begin(work: Promise<void>): Promise<void> {
    this.#work = work;
    const done = (): void => {
      if (this.#work !== work) return;
      this.#work = undefined;
      // It may have died when its work was all but done, and nobody was watching.
      const current = this.#current;
      if (current?.exit !== undefined) this.#onExit(current, current.exit);
    };
    work.then(done, done);
    return work;
  }

  #move(event: PhaseEvent): void {
    this.#phase = nextPhase(this.#phase, event);
    this.#options.listener.onChanged();
  }
}
