import type { Observed } from '@gateway-provisioners/core';
import { KernelChannels } from '@gateway-provisioners/wire';
import type {
  KernelChannelsOptions,
  KernelChannelsState,
  KernelMessage,
  OpenOptions,
  RequestOptions,
} from '@gateway-provisioners/wire';

/** What a manager needs of wire's channels; tests put their own kernel behind it. */
export interface Channels extends AsyncDisposable {
  readonly state: Observed<KernelChannelsState>;
  open(options?: OpenOptions): Promise<void>;
  relax(): void;
  send(message: KernelMessage, clientKey: string): void;
  forgetClient(clientKey: string): void;
  request(message: KernelMessage, options: RequestOptions): Promise<KernelMessage>;
}

export type OpenChannels = (options: KernelChannelsOptions) => Channels;

export const openKernelChannels: OpenChannels = (options) => new KernelChannels(options);
