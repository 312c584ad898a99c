import { randomUUID } from 'node:crypto';
import { ProvisionerError, abortError, observed, raceSignal } from '@gateway-provisioners/core';
import type { ChannelName, ConnectionInfo, JsonObject } from '@gateway-provisioners/core';
import { createMessage } from '@gateway-provisioners/wire';
import type {
  KernelChannelsOptions,
  KernelChannelsState,
  KernelMessage,
  OpenOptions,
  RequestOptions,
  RoutedMessage,
} from '@gateway-provisioners/wire';
import type { Channels } from '../life/channels.ts';
import { Gate } from '../life/gate.ts';

/**
 * A kernel in this process, one for each launch. It answers `kernel_info_request`, and does what the code of an
 * `execute_request` says: `print TEXT`, `hang` (until an interrupt), `input PROMPT`, `exit CODE`.
 */
export class FakeKernel {
  readonly session = randomUUID();
  readonly connection: ConnectionInfo;
  /** Open it to let channels connect; open by default. */
  listening = new Gate<undefined>();
  /** What was sent on shell, control and stdin, in order, kernel_info requests excluded. */
  readonly received: KernelMessage[] = [];
  infoRequests = 0;
  answersInfo = true;
  answersControlInfo = true;
  publishes = true;
  obeysShutdown = true;
  onExit: (exitCode: number) => void = () => undefined;
  readonly #channels = new Set<FakeChannels>();
  #hanging: KernelMessage | undefined;
  #asking: KernelMessage | undefined;

  constructor(connection: ConnectionInfo) {
    this.connection = connection;
    this.listening.open(undefined);
  }

  attachChannels(channels: FakeChannels): void {
    this.#channels.add(channels);
  }

  detachChannels(channels: FakeChannels): void {
    this.#channels.delete(channels);
  }

  get clients(): number {
    return this.#channels.size;
  }

  publish(msgType: string, content: JsonObject, parent?: KernelMessage): void {
    if (this.publishes) this.send('iopub', { msgType, content, parent });
  }

  status(state: string, parent?: KernelMessage): void {
    this.publish('status', { execution_state: state }, parent);
  }

  send(
    channel: ChannelName,
    what: { readonly msgType: string; readonly content: JsonObject; readonly parent?: KernelMessage | undefined },
  ): void {
    const message = createMessage({ channel, session: this.session, ...what });
    for (const channels of [...this.#channels]) channels.receive([message]);
  }

  /** Several messages in one wake-up. */
  sendBatch(messages: readonly KernelMessage[]): void {
    for (const channels of [...this.#channels]) channels.receive(messages);
  }

  interrupt(): void {
    const request = this.#hanging;
    this.#hanging = undefined;
    if (request !== undefined) this.#reply(request, 'error');
  }

  handle(message: KernelMessage): void {
    const { msg_type: type } = message.header;
    if (type === 'kernel_info_request') {
      this.#onInfo(message);
      return;
    }
    this.received.push(message);
    if (type === 'execute_request') this.#execute(message);
    else if (type === 'shutdown_request') this.#onShutdown(message);
    else if (type === 'interrupt_request') {
      this.send('control', { msgType: 'interrupt_reply', content: { status: 'ok' }, parent: message });
      this.interrupt();
    } else if (type === 'input_reply') {
      const { value } = message.parseContent();
      const request = this.#asking;
      this.#asking = undefined;
      if (request === undefined) return;
      this.publish('stream', { name: 'stdout', text: String(value) }, request);
      this.#reply(request, 'ok');
    }
  }

  #onInfo(message: KernelMessage): void {
    this.infoRequests += 1;
    const isControl = message.channel === 'control';
    if (isControl ? !this.answersControlInfo : !this.answersInfo || this.#hanging !== undefined) return;
    this.status('busy', message);
    this.send(message.channel, {
      msgType: 'kernel_info_reply',
      content: { status: 'ok', implementation: 'fake' },
      parent: message,
    });
    this.status('idle', message);
  }

  #onShutdown(message: KernelMessage): void {
    if (!this.obeysShutdown) return;
    this.send('control', {
      msgType: 'shutdown_reply',
      content: { status: 'ok', ...message.parseContent() },
      parent: message,
    });
    this.onExit(0);
  }

  #execute(message: KernelMessage): void {
    const [command = '', ...rest] = String(message.parseContent()['code']).split(' ');
    const argument = rest.join(' ');
    this.status('busy', message);
    if (command === 'hang') this.#hanging = message;
    else if (command === 'exit') this.onExit(Number(argument));
    else if (command === 'input') {
      this.#asking = message;
      this.send('stdin', { msgType: 'input_request', content: { prompt: argument, password: false }, parent: message });
    } else {
      if (command === 'print') this.publish('stream', { name: 'stdout', text: argument }, message);
      this.#reply(message, 'ok');
    }
  }

  #reply(parent: KernelMessage, status: 'ok' | 'error'): void {
    this.send('shell', { msgType: 'execute_reply', content: { status }, parent });
    this.status('idle', parent);
  }
}

/** wire's channels, without wire: straight into a {@link FakeKernel}. */
export class FakeChannels implements Channels {
  readonly state = observed<KernelChannelsState>('closed');
  relaxed = 0;
  readonly #options: KernelChannelsOptions;
  readonly #kernel: FakeKernel;
  readonly #senders = new Map<string, string>();
  readonly #requests = new Map<string, Gate<KernelMessage>>();

  constructor(options: KernelChannelsOptions, kernel: FakeKernel) {
    this.#options = options;
    this.#kernel = kernel;
  }

  async open(options: OpenOptions = {}): Promise<void> {
    this.state.set('connecting');
    await raceSignal(this.#kernel.listening.promise, options.signal);
    this.#kernel.attachChannels(this);
    this.state.set('open');
  }

  relax(): void {
    this.relaxed += 1;
  }

  send(message: KernelMessage, clientKey: string): void {
    if (this.state.current === 'closed') throw new ProvisionerError('INVALID_STATE', 'closed');
    this.#senders.set(message.header.msg_id, clientKey);
    this.#kernel.handle(message);
  }

  forgetClient(clientKey: string): void {
    for (const [id, key] of this.#senders) if (key === clientKey) this.#senders.delete(id);
  }

  async request(message: KernelMessage, options: RequestOptions): Promise<KernelMessage> {
    const answer = new Gate<KernelMessage>();
    this.#requests.set(message.header.msg_id, answer);
    const { signal } = options;
    const cancel = this.#options.clock?.schedule(options.timeoutMs, () => {
      answer.fail(new ProvisionerError('DEADLINE_EXCEEDED', 'no reply'));
    });
    const onAbort = (): void => {
      if (signal !== undefined) answer.fail(abortError(signal));
    };
    signal?.addEventListener('abort', onAbort);
    try {
      this.#kernel.handle(message);
      return await answer.promise;
    } finally {
      cancel?.();
      signal?.removeEventListener('abort', onAbort);
      this.#requests.delete(message.header.msg_id);
    }
  }

  receive(batch: readonly KernelMessage[]): void {
    this.#options.onMessages(
      batch.flatMap((message): RoutedMessage[] => {
        const parent = message.parentHeader.msg_id ?? '';
        const request = this.#requests.get(parent);
        if (message.channel === 'iopub') return [{ message, route: { to: request === undefined ? 'all' : 'nobody' } }];
        if (request !== undefined) {
          request.open(message);
          return [];
        }
        const clientKey = this.#senders.get(parent);
        return [{ message, route: clientKey === undefined ? { to: 'nobody' } : { to: 'client', clientKey } }];
      }),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#kernel.detachChannels(this);
    this.state.set('closed');
    for (const request of this.#requests.values()) request.fail(new ProvisionerError('CONNECTION_LOST', 'closed'));
    return Promise.resolve();
  }
}
