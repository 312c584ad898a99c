import { randomUUID } from 'node:crypto';
import { ResourceStack, delay, errorMessage, throwIfAborted, withDeadline } from '@gateway-provisioners/core';
import type { CallOptions, Clock, KernelExit, KernelStats, LaunchedKernel, Logger } from '@gateway-provisioners/core';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelChannelsState, RoutedMessage } from '@gateway-provisioners/wire';
import type { ManagerSettings } from '../settings.ts';
import type { Channels, OpenChannels } from './channels.ts';
import { ConnectionGap } from './connection-gap.ts';
import { Gate } from './gate.ts';
import { askKernelInfo, handshake } from './handshake.ts';
import type { HandshakeOptions } from './handshake.ts';

/** Backends answer within this, or the removal has failed. */
const KILL_DEADLINE_MS = 60_000;
const INTERRUPT_REPLY_MS = 2_000;
const INTERRUPT_DEADLINE_MS = 30_000;
const ASK_DEADLINE_MS = 30_000;
const LOG_TAIL_BYTES = 16 * 1024;
const BUSY_AFTER_MS = 1_000;
const CONTROL_INFO_MS = 5_000;
const START_RETRY_MS = 5_000;
const FIRST_REACH_MS = 1_000;
const LAST_REACH_MS = 60_000;
const BUSY_RETRY_MS = 10 * 60 * 1_000;
/** A launcher notices the end of its kernel a moment after we lose the connection; a host may be back soon. */
const AFTER_LOSS_MS: readonly number[] = [0, 100, 1_000, 5_000, 30_000];

export interface IncarnationOptions {
  readonly number: number;
  readonly launched: LaunchedKernel;
  readonly settings: ManagerSettings;
  readonly logger: Logger;
  readonly openChannels: OpenChannels;
  readonly interruptMode: 'signal' | 'message';
  readonly onMessages: (batch: readonly RoutedMessage[]) => void;
}

export interface EndOptions {
  /** Ask first, then insist; else it is killed at once. */
  readonly graceful: boolean;
  readonly restart: boolean;
  readonly isBusy: boolean;
}

/** One life of a kernel: what was launched and the channels to it. A restart makes a new one. */
export class Incarnation {
  readonly number: number;
  readonly launched: LaunchedKernel;
  readonly channels: Channels;
  /** Session id that the kernel's own messages carry; empty until it sent one. */
  kernelSession = '';
  /** How it ended by itself, once it has. */
  exit: KernelExit | undefined;
  readonly #options: IncarnationOptions;
  readonly #clock: Clock;
  readonly #session = randomUUID();
  readonly #outputFlows = new Gate<undefined>();
  readonly #released = new AbortController();
  readonly #gap: ConnectionGap;
  #isMuted = false;
  #isAsking = false;

  constructor(options: IncarnationOptions) {
    this.#options = options;
    this.number = options.number;
    this.launched = options.launched;
    this.#clock = options.settings.clock;
    this.#gap = new ConnectionGap(this.#clock);
    void options.launched.exited.then((exit) => {
      this.exit = exit;
    });
    this.channels = options.openChannels({
      connection: options.launched.connection,
      engine: options.settings.engine,
      logger: options.logger,
      clock: options.settings.clock,
      ...(options.settings.maxMessageBytes === undefined ? {} : { maxMessageBytes: options.settings.maxMessageBytes }),
      onMessages: (batch) => {
        this.#onMessages(batch);
      },
      onError: (error) => {
        options.logger.warn('a channel of the kernel failed', { error: error.message });
      },
    });
    this.channels.state.subscribe((state) => {
      this.#onChannelsState(state);
    });
  }

  #onChannelsState(state: KernelChannelsState): void {
    if (state === 'lost') {
      this.#gap.lost();
      void this.#askAfterLoss();
    }
    const notice = state === 'open' ? this.#gap.reopened(this.kernelSession) : undefined;
    if (notice !== undefined && !this.#isMuted) this.#options.onMessages([{ message: notice, route: { to: 'all' } }]);
  }

  /** What it sends from now on is dropped: it is being replaced. */
  mute(): void {
    this.#isMuted = true;
  }

  async handshake(signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    await this.channels.open({ signal, timeoutMs: Infinity });
    return await handshake(this.#handshakeOptions(signal, START_RETRY_MS));
  }

  /** Tries until the channels are open, or the signal aborts. */
  async reach(signal: AbortSignal): Promise<void> {
    for (let retryMs = FIRST_REACH_MS; ; retryMs = Math.min(2 * retryMs, LAST_REACH_MS)) {
      try {
        await this.channels.open({ signal, timeoutMs: Infinity });
        return;
      } catch (error) {
        throwIfAborted(signal);
        this.#options.logger.warn('the kernel cannot be reached yet', { error: errorMessage(error) });
        await delay(retryMs, { signal, clock: this.#clock });
      }
    }
  }

  /** Like {@link handshake} for a kernel that may be at work and not answer for days; then `onBusy` is called. */
  async askInfo(signal: AbortSignal, onBusy: () => void): Promise<Readonly<Record<string, unknown>>> {
    const answer = askKernelInfo(this.#handshakeOptions(signal, BUSY_RETRY_MS));
    if (!(await this.#settledWithin(answer, BUSY_AFTER_MS))) {
      // Many kernels answer control on a thread of its own.
      const isAlive = await this.#ask('kernel_info_request', CONTROL_INFO_MS, {});
      if (isAlive && !(await this.#settledWithin(answer, 0))) onBusy();
    }
    return (await answer).parseContent();
  }

  /** By the kernelspec's way. A kernel that takes interrupts as messages is not signalled: that might end it. */
  async interrupt(signal: AbortSignal | undefined): Promise<void> {
    const deadline = { signal, timeoutMs: INTERRUPT_DEADLINE_MS, what: 'interrupt', clock: this.#clock };
    if (this.#options.interruptMode === 'signal') {
      await withDeadline(deadline, (scope) => this.launched.interrupt({ signal: scope.signal }));
      return;
    }
    const reply = this.#ask('interrupt_request', INTERRUPT_REPLY_MS, {});
    // A busy kernel may answer late, or not at all and still obey.
    await Promise.race([reply, delay(INTERRUPT_REPLY_MS, { signal, clock: this.#clock })]);
  }

  async logs(options: CallOptions & { readonly maxBytes?: number | undefined }): Promise<string> {
    const maxBytes = options.maxBytes ?? LOG_TAIL_BYTES;
    return await this.#askBackend('log', options, async (signal) => await this.launched.logs({ maxBytes, signal }));
  }

  async stats(options: CallOptions): Promise<KernelStats | undefined> {
    return await this.#askBackend('stats', options, async (signal) => await this.launched.stats?.({ signal }));
  }

  /**
   * Ends the kernel and removes everything that was created for it. When that fails, it can be tried again.
   * Errors: what the provisioner throws, `DEADLINE_EXCEEDED`.
   */
  async end(options: EndOptions): Promise<void> {
    if (options.graceful && this.exit === undefined) await this.#askToEnd(options);
    await withDeadline(
      { timeoutMs: KILL_DEADLINE_MS, what: 'removal of the kernel', clock: this.#clock },
      async (scope) => {
        await this.launched.kill({ signal: scope.signal });
      },
    );
    await this.release();
  }

  /** Lets go of sockets and timers; the kernel lives on. */
  async release(): Promise<void> {
    this.mute();
    this.#released.abort();
    await using stack = new ResourceStack();
    stack.use(this.launched);
    stack.use(this.channels);
  }

  /**
   * The kernel's end of a channel is gone: the first sign that the kernel is. A backend on another machine may learn of
   * it much later; asking makes it look, and settles {@link LaunchedKernel.exited}.
   */
  async #askAfterLoss(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const { signal } = this.#released;
    try {
      for (const waitMs of AFTER_LOSS_MS) {
        await delay(waitMs, { signal, clock: this.#clock });
        if (this.exit !== undefined || this.channels.state.current !== 'lost') return;
        await this.launched.liveness({ signal });
      }
    } catch (error) {
      if (!signal.aborted) this.#options.logger.debug('a lost kernel cannot be asked for', { error: String(error) });
    } finally {
      this.#isAsking = false;
    }
  }

  /** shutdown_request, half of the patience, SIGTERM, the other half: the order of Jupyter's own manager. */
  async #askToEnd({ restart, isBusy }: EndOptions): Promise<void> {
    const { logger, settings } = this.#options;
    const halfMs = settings.shutdownWaitMs / 2;
    const note = (error: unknown): void => {
      logger.debug('a step of the shutdown failed; the next one follows', { error: String(error) });
    };
    // A kernel that runs a cell reads no requests until it is done.
    if (isBusy) await this.#settledWithin(this.interrupt(undefined).catch(note), INTERRUPT_REPLY_MS);
    void this.#ask('shutdown_request', settings.shutdownWaitMs, { restart });
    if (await this.#settledWithin(this.launched.exited, halfMs)) return;
    await this.#settledWithin(this.launched.terminate().catch(note), halfMs);
    await this.#settledWithin(this.launched.exited, halfMs);
  }

  async #askBackend<T>(what: string, { signal }: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = { signal, timeoutMs: ASK_DEADLINE_MS, what: `${what} of the kernel`, clock: this.#clock };
    return await withDeadline(deadline, async (scope) => await work(scope.signal));
  }

  async #ask(msgType: string, timeoutMs: number, content: { readonly restart?: boolean }): Promise<boolean> {
    try {
      const request = createMessage({ channel: 'control', msgType, content, session: this.#session });
      await this.channels.request(request, { timeoutMs });
      return true;
    } catch (error) {
      this.#options.logger.debug('a control request was not answered', { msgType, error: String(error) });
      return false;
    }
  }

  async #settledWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
    let isSettled = false;
    const settled = promise.then(() => {
      isSettled = true;
    });
    const controller = new AbortController();
    try {
      await Promise.race([settled, delay(timeoutMs, { clock: this.#clock, signal: controller.signal })]);
    } finally {
      controller.abort();
    }
    return isSettled;
  }

  #handshakeOptions(signal: AbortSignal, lastRetryMs: number): HandshakeOptions {
    return {
      channels: this.channels,
      session: this.#session,
      outputFlows: this.#outputFlows,
      clock: this.#clock,
      signal,
      lastRetryMs,
    };
  }

  #onMessages(batch: readonly RoutedMessage[]): void {
    if (this.#isMuted) return;
    for (const { message } of batch) {
      if (message.channel !== 'iopub') continue;
      this.#gap.observe(message);
      this.#outputFlows.open(undefined);
      if (this.kernelSession === '') this.kernelSession = message.header.session;
    }
    this.#options.onMessages(batch);
  }
}
