import { ProvisionerError, observed } from '@gateway-provisioners/core';
import type { CallOptions, Observed } from '@gateway-provisioners/core';
import type {
  ChannelCounters,
  KernelChannelsOptions,
  KernelChannelsState,
  RequestOptions,
} from './kernel-channels-options.ts';
import type { KernelMessage } from './kernel-message.ts';

/** The channels of one kernel: one set of sockets, shared by all clients. */
export class KernelChannels implements AsyncDisposable {
  readonly state: Observed<KernelChannelsState> = observed<KernelChannelsState>('closed');
  readonly counters: ChannelCounters = {
    receivedMessages: 0,
    receivedBytes: 0,
    badSignatures: 0,
    replays: 0,
    malformed: 0,
    undeliverable: 0,
  };
  readonly #options: KernelChannelsOptions;

  constructor(options: KernelChannelsOptions) {
    this.#options = options;
  }

  open(options?: CallOptions): Promise<void> {
    return Promise.reject(this.#unwritten(options));
  }

  openAll(options?: CallOptions): Promise<void> {
    return Promise.reject(this.#unwritten(options));
  }

  relax(): void {
    throw this.#unwritten();
  }

  send(message: KernelMessage, clientKey: string): void {
    throw this.#unwritten(message, clientKey);
  }

  forgetClient(clientKey: string): void {
    throw this.#unwritten(clientKey);
  }

  request(message: KernelMessage, options: RequestOptions): Promise<KernelMessage> {
    return Promise.reject(this.#unwritten(message, options));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #unwritten(...args: unknown[]): ProvisionerError {
    return new ProvisionerError('INTERNAL', `not written yet: ${typeof this.#options} ${args.length}`);
  }
}
