import type { CallOptions } from '@gateway-provisioners/core';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';

/** The node that the engine itself is: what runs there, the engine can be asked about directly. Asked for once. */
export class OwnNode implements Disposable {
  readonly #engine: DockerEngine;
  #id: string | undefined;

  constructor({ engine }: { readonly engine: DockerEngine }) {
    this.#engine = engine;
  }

  async id({ signal }: CallOptions = {}): Promise<string> {
    this.#id ??= (await this.#engine.swarm.info({ signal })).nodeId;
    return this.#id;
  }

  [Symbol.dispose](): void {
    this.#id = undefined;
  }
}
