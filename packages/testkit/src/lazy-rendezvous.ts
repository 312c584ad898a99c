import type { Rendezvous } from '@gateway-provisioners/core';
import { createTestRendezvous } from './test-rendezvous.ts';

/** A real response listener that is made when it is first needed; one for a file of tests. */
export class LazyRendezvous implements Rendezvous, AsyncDisposable {
  readonly #address: () => string;
  #opening: Promise<Rendezvous & AsyncDisposable> | undefined;

  /** `address` tells an address of this machine that launchers reach. */
  constructor(address: () => string) {
    this.#address = address;
  }

  async expect(...given: Parameters<Rendezvous['expect']>): ReturnType<Rendezvous['expect']> {
    return await (await this.#open()).expect(...given);
  }

  async openComm(...given: Parameters<Rendezvous['openComm']>): Promise<Awaited<ReturnType<Rendezvous['openComm']>>> {
    return await (await this.#open()).openComm(...given);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#opening)?.[Symbol.asyncDispose]();
  }

  #open(): Promise<Rendezvous & AsyncDisposable> {
    this.#opening ??= createTestRendezvous({ address: this.#address() });
    return this.#opening;
  }
}
