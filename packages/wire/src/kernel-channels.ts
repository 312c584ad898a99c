import {
  ProvisionerError,
  observed,
  silentLogger,
  systemClock,
  throwIfAborted,
  toProvisionerError,
  withDeadline,
} from '@gateway-provisioners/core';
import type { Cancellation, ChannelName, Clock, Logger, Observed } from '@gateway-provisioners/core';
import { ChannelSet } from './channel-set.ts';
import { DEFAULT_MAX_QUEUED_BYTES } from './channel-socket-options.ts';
import type { ChannelSocketState, Frames } from './channel-socket.ts';
import { selectEngine } from './engine.ts';
import { HeldMessages } from './held-messages.ts';
import { InternalRequests, lostError } from './internal-requests.ts';
import type {
  ChannelCounters,
  KernelChannelsOptions,
  KernelChannelsState,
  OpenOptions,
  RequestOptions,
  Route,
  RoutedMessage,
} from './kernel-channels-options.ts';
import type { KernelMessage } from './kernel-message.ts';
import { joinFrames } from './message-frames.ts';
import { MessageSigner } from './message-signer.ts';
import { MessageVerifier } from './message-verifier.ts';
import { ReplyRouter } from './reply-router.ts';
import { StateWaiters } from './state-waiters.ts';

const DEFAULT_OPEN_TIMEOUT_MS = 60_000;
const MAIN_CHANNELS: readonly ChannelName[] = ['iopub', 'shell'];
const ALL_CHANNELS: readonly ChannelName[] = ['iopub', 'shell', 'control', 'stdin'];
const TO_ALL: Route = { to: 'all' };
const TO_NOBODY: Route = { to: 'nobody' };

/**
 * The channels of one kernel: one set of sockets for all clients, opened when first needed and made anew when the
 * connection changes. Signs what is sent, verifies what comes, and says for whom each message is.
 *
 * Shell and iopub are always open together; control and stdin join them with the first message of a client. What a
 * client sends on shell waits until iopub and stdin are connected too, because a kernel discards output and questions
 * for which nobody is there.
 */
export class KernelChannels implements AsyncDisposable {
  readonly #options: KernelChannelsOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #state = observed<KernelChannelsState>('closed');
  readonly #router = new ReplyRouter();
  readonly #internal = new InternalRequests();
  readonly #verifier: MessageVerifier;
  readonly #waiters: StateWaiters;
  readonly #held: HeldMessages;
  readonly #unsubscribe: Cancellation;
  readonly #retired = new Set<Promise<void>>();
  #signer: MessageSigner | undefined;
  #signerKey: string | undefined;
  #set: ChannelSet | undefined;
  #lastError: Error | undefined;
  #isRelaxing = false;
  #isDisposed = false;
  #disposal: Promise<void> | undefined;

  constructor(options: KernelChannelsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#waiters = new StateWaiters(this.#clock);
    this.#verifier = new MessageVerifier({ clock: this.#clock, onError: this.#report });
    this.#held = new HeldMessages({
      clock: this.#clock,
      maxBytes: options.maxQueuedBytes ?? DEFAULT_MAX_QUEUED_BYTES,
      onOverdue: () => {
        this.#logger.warn('stdin or iopub of the kernel cannot be connected; sending without them');
        this.#sendHeld();
      },
    });
    this.#unsubscribe = options.connection.subscribe(() => {
      this.#reconnect();
    });
  }

  /** Of iopub and shell together. */
  get state(): Observed<KernelChannelsState> {
    return this.#state;
  }

  get counters(): ChannelCounters {
    return this.#verifier.counters;
  }

  /**
   * Opens shell and iopub and waits until both have shaken hands and the subscription of iopub is sent.
   * Errors: `DEADLINE_EXCEEDED`, `CONNECTION_LOST`, `INVALID_CONNECTION_INFO`, `ENCRYPTION_UNAVAILABLE`,
   * `INVALID_STATE` when disposed of.
   */
  async open(options: OpenOptions = {}): Promise<void> {
    await this.#openChannels(MAIN_CHANNELS, options);
  }

  /** Like {@link KernelChannels.open}, with control and stdin. */
  async openAll(options: OpenOptions = {}): Promise<void> {
    this.#isRelaxing = false;
    await this.#openChannels(ALL_CHANNELS, options);
  }

  /**
   * Closes control and stdin, as soon as no answer is expected there and no running code could ask for input; they are
   * opened again on demand. Shell and iopub stay.
   */
  relax(): void {
    this.#isRelaxing = true;
    this.#tryRelax();
  }

  /**
   * Signs a client's message and sends it; never waits. Answers will be routed to `clientKey`.
   * Errors: `LIMIT_EXCEEDED` when too much waits to be sent, `INVALID_STATE` when disposed of, `INVALID_ARGUMENT` for
   * iopub, on which nothing can be sent.
   */
  send(message: KernelMessage, clientKey: string): void {
    if (message.channel === 'iopub') {
      throw new ProvisionerError('INVALID_ARGUMENT', 'iopub is the channel on which kernels publish: use shell');
    }
    this.#isRelaxing = false;
    const set = this.#ensure(ALL_CHANNELS);
    if (message.channel === 'shell' && (!this.#held.isEmpty || !isConnected(set))) {
      this.#held.hold(message, clientKey);
      if (set.stateOf('shell') === 'open') this.#held.startClock();
    } else this.#transmit(message, clientKey);
  }

  /** Answers to this client go to nobody from now on. */
  forgetClient(clientKey: string): void {
    this.#router.forgetClient(clientKey);
    if (this.#isRelaxing) this.#tryRelax();
  }

  /**
   * Sends a request of the gateway's own on shell or control and returns the answer, which no client sees; what the
   * request leaves on iopub is routed to nobody. Errors: `DEADLINE_EXCEEDED`; `CONNECTION_LOST` when the channel is
   * lost, the connection changes or the channels are closed; those of {@link KernelChannels.send}.
   */
  async request(message: KernelMessage, options: RequestOptions): Promise<KernelMessage> {
    const { channel } = message;
    if (channel !== 'shell' && channel !== 'control') {
      throw new ProvisionerError('INVALID_ARGUMENT', `requests go to shell or control, not to ${channel}`);
    }
    throwIfAborted(options.signal);
    const set = this.#ensure([...MAIN_CHANNELS, channel]);
    const reply = this.#internal.add(message);
    // Whoever waits below is told in any case.
    reply.catch(() => undefined);
    try {
      set.socket(channel).send(joinFrames(message, this.#currentSigner().sign(message.parts)));
      const { signal, timeoutMs } = options;
      const what = `the kernel's answer to ${message.header.msg_type}`;
      return await withDeadline({ what, signal, timeoutMs, clock: this.#clock }, () => reply);
    } catch (error) {
      this.#internal.cancel(message, toProvisionerError(error), this.#clock.now());
      throw error;
    }
  }

  /** Closes all sockets; requests in flight fail with `CONNECTION_LOST`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    this.#isDisposed = true;
    this.#unsubscribe();
    const dropped = this.#held.clear();
    if (dropped > 0) this.#logger.warn('messages to the kernel were not sent: the channels were closed', { dropped });
    this.#retire('the channels were closed');
    this.#state.set('closed');
    this.#waiters.check();
    await Promise.all(this.#retired);
  }

  /** Gives up the present sockets. */
  #retire(why: string): void {
    const set = this.#set;
    this.#set = undefined;
    this.#internal.failAll(lostError(why), { now: this.#clock.now() });
    if (set === undefined) return;
    const closing = set[Symbol.asyncDispose]().finally(() => this.#retired.delete(closing));
    this.#retired.add(closing);
  }

  #reconnect(): void {
    const channels = this.#set?.channels;
    if (channels === undefined) return;
    this.#retire('the connection to the kernel was replaced');
    this.#router.forgetRequests();
    try {
      this.#ensure(channels);
    } catch (error) {
      this.#report(toProvisionerError(error));
    }
    this.#onStateChange();
  }

  #ensure(channels: readonly ChannelName[]): ChannelSet {
    if (this.#isDisposed) throw closedError();
    const set = (this.#set ??= this.#makeSet());
    for (const channel of channels) set.socket(channel);
    this.#updateState();
    return set;
  }

  #makeSet(): ChannelSet {
    const { connection, engine, maxMessageBytes, maxQueuedBytes } = this.#options;
    return new ChannelSet({
      engine: typeof engine === 'object' ? engine : selectEngine(connection.current, engine),
      connection: connection.current,
      logger: this.#logger,
      clock: this.#clock,
      maxMessageBytes,
      maxQueuedBytes,
      onFrames: (channel, batch) => {
        this.#onFrames(channel, batch);
      },
      onState: (channel, state) => {
        this.#onChannelState(channel, state);
      },
      onError: this.#report,
    });
  }

  async #openChannels(channels: readonly ChannelName[], options: OpenOptions): Promise<void> {
    throwIfAborted(options.signal);
    this.#ensure(channels);
    const { signal, timeoutMs = DEFAULT_OPEN_TIMEOUT_MS } = options;
    await this.#waiters.until(`connecting ${channels.join(', ')} of the kernel`, () => this.#areOpen(channels), {
      signal,
      timeoutMs,
    });
  }

  #areOpen(channels: readonly ChannelName[]): boolean {
    if (this.#isDisposed) throw closedError();
    const states = channels.map((channel) => this.#set?.stateOf(channel) ?? 'closed');
    if (!states.includes('closed')) return states.every((state) => state === 'open');
    throw new ProvisionerError('CONNECTION_LOST', 'a channel of the kernel cannot be connected', {
      cause: this.#lastError,
    });
  }

  #onChannelState(channel: ChannelName, state: ChannelSocketState): void {
    if (state === 'lost' || state === 'closed') {
      this.#internal.failAll(lostError(`the ${channel} channel was lost`), { channel, now: this.#clock.now() });
    }
    this.#onStateChange();
  }

  #onStateChange(): void {
    this.#updateState();
    this.#waiters.check();
    const set = this.#set;
    if (set === undefined || this.#held.isEmpty) return;
    if (isConnected(set)) this.#sendHeld();
    else if (set.stateOf('shell') === 'open') this.#held.startClock();
  }

  #updateState(): void {
    const state = combine(MAIN_CHANNELS.map((channel) => this.#set?.stateOf(channel) ?? 'closed'));
    if (state !== this.#state.current) this.#state.set(state);
  }

  #sendHeld(): void {
    for (const { message, clientKey } of this.#held.take()) {
      try {
        this.#transmit(message, clientKey);
      } catch (error) {
        this.#report(toProvisionerError(error));
      }
    }
  }

  #transmit(message: KernelMessage, clientKey: string): void {
    const set = this.#ensure(ALL_CHANNELS);
    set.socket(message.channel).send(joinFrames(message, this.#currentSigner().sign(message.parts)));
    this.#router.record(message, clientKey);
  }

  #currentSigner(): MessageSigner {
    const { key } = this.#options.connection.current.info;
    if (this.#signer === undefined || this.#signerKey !== key) {
      this.#signer = new MessageSigner(key);
      this.#signerKey = key;
    }
    return this.#signer;
  }

  #onFrames(channel: ChannelName, batch: readonly Frames[]): void {
    const now = this.#clock.now();
    const signer = this.#currentSigner();
    const routed: RoutedMessage[] = [];
    this.#internal.prune(now);
    for (const frames of batch) {
      const message = this.#verifier.read(channel, frames, signer);
      if (message === undefined) continue;
      const isInternal = !this.#internal.isEmpty && this.#internal.take(message, now);
      if (channel === 'iopub') routed.push({ message, route: isInternal ? TO_NOBODY : TO_ALL });
      else if (!isInternal) routed.push({ message, route: this.#routeAnswer(message) });
    }
    if (routed.length > 0) this.#deliver(routed);
    if (this.#isRelaxing) this.#tryRelax();
  }

  #routeAnswer(message: KernelMessage): Route {
    const route = this.#router.route(message);
    if (route.to === 'nobody') this.#verifier.counters.undeliverable += 1;
    return route;
  }

  #deliver(routed: readonly RoutedMessage[]): void {
    try {
      this.#options.onMessages(routed);
    } catch (error) {
      // It would end up in the socket, which has no part in it.
      this.#report(toProvisionerError(error));
    }
  }

  #tryRelax(): void {
    const set = this.#set;
    if (set === undefined || !this.#held.isEmpty) return;
    if (!this.#internal.isWaitingOn('control')) set.close('control');
    if (!this.#router.mayAskForInput) set.close('stdin');
    this.#isRelaxing = set.has('control') || set.has('stdin');
  }

  readonly #report = (error: Error): void => {
    this.#lastError = error;
    this.#options.onError?.(error);
  };
}

/** Whether a request may be sent: the kernel's output and its questions will find a listener. */
function isConnected(set: ChannelSet): boolean {
  return set.wasOpen('shell') && set.wasOpen('iopub') && set.wasOpen('stdin');
}

function combine(states: readonly ChannelSocketState[]): KernelChannelsState {
  if (states.every((state) => state === 'open')) return 'open';
  if (states.includes('closed')) return 'closed';
  return states.includes('lost') ? 'lost' : 'connecting';
}

function closedError(): ProvisionerError {
  return new ProvisionerError('INVALID_STATE', 'the channels of the kernel were closed');
}
