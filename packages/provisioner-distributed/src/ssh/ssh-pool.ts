import { createHash } from 'node:crypto';
import type { Clock, Logger } from '@gateway-provisioners/core';
import { KeyFiles } from './key-files.ts';
import type { SshTarget } from './ssh-connection.ts';
import { SshHost } from './ssh-host.ts';

/** One {@link SshHost} for each account, however many kernelspecs name it. */
export class SshPool {
  readonly #hosts = new Map<string, SshHost>();
  readonly #keys = new KeyFiles();
  readonly #services: { readonly clock: Clock; readonly logger: Logger };

  constructor(services: { readonly clock: Clock; readonly logger: Logger }) {
    this.#services = services;
  }

  hostFor(target: SshTarget): SshHost {
    const key = identity(target);
    const known = this.#hosts.get(key);
    if (known !== undefined) return known;
    const via = target.via === undefined ? undefined : this.hostFor(target.via);
    const host = new SshHost({ ...this.#services, id: key, target, via, keys: this.#keys });
    this.#hosts.set(key, host);
    return host;
  }

  /** Closes all connections. */
  dispose(): void {
    for (const host of this.#hosts.values()) host.park();
    this.#hosts.clear();
  }
}

/** All that decides who is logged in where: another way to log in is another connection. */
function identity(target: SshTarget): string {
  // The digest keeps secrets out of the map's keys.
  return createHash('sha256')
    .update(JSON.stringify(access(target)))
    .digest('base64');
}

/** Two names of one address are one host; how long it is waited for is up to who comes first. */
function access({ via, ...target }: SshTarget): object {
  const rest = { ...target, name: '', keepaliveIntervalMs: 0, keepaliveCountMax: 0, connectTimeoutMs: 0 };
  return { ...rest, via: via === undefined ? undefined : access(via) };
}
