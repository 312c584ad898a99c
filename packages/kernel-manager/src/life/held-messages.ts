import { ProvisionerError } from '@gateway-provisioners/core';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { ENTRY_BYTES } from '../clients/outbox.ts';

interface HeldMessage {
  readonly message: KernelMessage;
  readonly clientKey: string;
}

/** What clients sent while their kernel could not take it yet, in order. */
export class HeldMessages {
  readonly #maxBytes: number;
  #held: HeldMessage[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Errors: `LIMIT_EXCEEDED`; what was held before stays. */
  push(message: KernelMessage, clientKey: string): void {
    const bytes = message.sizeBytes + ENTRY_BYTES;
    if (this.#bytes + bytes > this.#maxBytes) {
      throw new ProvisionerError(
        'LIMIT_EXCEEDED',
        `more than ${String(this.#maxBytes)} bytes wait for a kernel that is still starting`,
      );
    }
    this.#held.push({ message, clientKey });
    this.#bytes += bytes;
  }

  has(messageId: string): boolean {
    return this.#held.some((held) => held.message.header.msg_id === messageId);
  }

  /** Removes and returns everything. */
  takeAll(): readonly HeldMessage[] {
    const held = this.#held;
    this.#held = [];
    this.#bytes = 0;
    return held;
  }
}
