import { observed, withDeadline } from '@gateway-provisioners/core';
import type { ConnectionInfo, KernelConnection, ObservedSource } from '@gateway-provisioners/core';
import type { KernelChannelsOptions, RoutedMessage } from '../kernel-channels-options.ts';
import { KernelChannels } from '../kernel-channels.ts';

const DEADLINE_MS = 60_000;

/** Channels of a kernel that keep what they deliver, for tests. */
export class RoutedRecorder implements AsyncDisposable {
  readonly channels: KernelChannels;
  readonly connection: ObservedSource<KernelConnection>;
  readonly routed: RoutedMessage[] = [];
  readonly errors: Error[] = [];
  /** Calls of onMessages. */
  batches = 0;
  readonly #waiting = new Set<() => void>();

  constructor(info: ConnectionInfo, options: Partial<KernelChannelsOptions> = {}) {
    this.connection = observed<KernelConnection>({ info });
    this.channels = new KernelChannels({
      connection: this.connection,
      ...options,
      onMessages: (batch) => {
        this.batches += 1;
        this.routed.push(...batch);
        this.#wake();
      },
      onError: (error) => {
        this.errors.push(error);
        this.#wake();
      },
    });
    this.channels.state.subscribe(() => {
      this.#wake();
    });
  }

  /** What was delivered, as `channel msg_type → route`. */
  get lines(): string[] {
    return this.routed.map(({ message, route }) => {
      const to = route.to === 'client' ? route.clientKey : route.to;
      return `${message.channel} ${message.header.msg_type} → ${to}`;
    });
  }

  /** Settles when `condition` holds; looked at whenever something arrives. */
  async until(what: string, condition: () => boolean): Promise<void> {
    await withDeadline({ what, timeoutMs: DEADLINE_MS }, async () => {
      while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    });
  }

  async received(count: number): Promise<void> {
    await this.until(`${count} messages`, () => this.routed.length >= count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.channels[Symbol.asyncDispose]();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
