import { Buffer } from 'node:buffer';
import type { Clock } from '@gateway-provisioners/core';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { gapMarker } from '../messages/own-messages.ts';

const NO_PARENT = Buffer.from('{}');

/** What a kernel wrote while its channels were lost is not kept by anybody: clients are told where it is missing. */
export class ConnectionGap {
  readonly #clock: Clock;
  /** Of the request that the kernel worked on last, so that the notice shows under its cell. */
  #parentHeader: Buffer = NO_PARENT;
  #lostAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  observe(message: KernelMessage): void {
    if (message.header.msg_type !== 'status' || message.parentHeader.msg_id === undefined) return;
    // A copy: the message's own bytes are part of all that was read with it.
    if (saysBusy(message)) this.#parentHeader = Buffer.from(message.parts.parentHeader);
  }

  lost(): void {
    this.#lostAt ??= this.#clock.now();
  }

  /** The notice for clients, when the channels had been lost. */
  reopened(session: string): KernelMessage | undefined {
    if (this.#lostAt === undefined) return undefined;
    const lostMs = this.#clock.now() - this.#lostAt;
    this.#lostAt = undefined;
    return gapMarker({ lostMs, parentHeader: this.#parentHeader, session });
  }
}

function saysBusy(message: KernelMessage): boolean {
  try {
    return message.parseContent()['execution_state'] === 'busy';
  } catch {
    return false; // Malformed: passed on as it is, for the client to see.
  }
}
