import { ProvisionerError } from '@gateway-provisioners/core';
import type { Cancellation, Clock } from '@gateway-provisioners/core';
import type { KernelMessage } from './kernel-message.ts';

/** How long messages are held back for channels that will not connect while shell does. */
const HOLD_MS = 5_000;

export interface HeldMessage {
  readonly message: KernelMessage;
  readonly clientKey: string;
}

/** Messages of clients, in order, that wait for the kernel's other channels. */
export class HeldMessages {
  readonly #options: { readonly clock: Clock; readonly maxBytes: number; readonly onOverdue: () => void };
  #messages: HeldMessage[] = [];
  #bytes = 0;
  #cancelClock: Cancellation | undefined;

  constructor(options: { readonly clock: Clock; readonly maxBytes: number; readonly onOverdue: () => void }) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  hold(message: KernelMessage, clientKey: string): void {
    const { maxBytes } = this.#options;
    if (this.#bytes + message.sizeBytes > maxBytes) {
      throw new ProvisionerError('LIMIT_EXCEEDED', `more than ${maxBytes} bytes wait to be sent to the kernel`);
    }
    this.#bytes += message.sizeBytes;
    this.#messages.push({ message, clientKey });
  }

  /** From now on the rest may delay messages for {@link HOLD_MS} at most. */
  startClock(): void {
    this.#cancelClock ??= this.#options.clock.schedule(HOLD_MS, this.#options.onOverdue);
  }

  take(): readonly HeldMessage[] {
    const messages = this.#messages;
    this.clear();
    return messages;
  }

  /** Returns how many were dropped. */
  clear(): number {
    const count = this.#messages.length;
    this.#messages = [];
    this.#bytes = 0;
    this.#cancelClock?.();
    this.#cancelClock = undefined;
    return count;
  }
}
