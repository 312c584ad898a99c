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
    const host = new SshHost({ ...this.#services, target, via, keys: this.#keys });
    this.#hosts.set(key, host);
    return host;
  }

  dispose(): void {
    for (const host of this.#hosts.values()) host.dispose();
    this.#hosts.clear();
  }
}

/** All that decides who is logged in where: another way to log in is another connection. */
function identity(target: SshTarget): string {
  // Two names of one address are one host; the digest keeps secrets out of the map's keys.
  const text = JSON.stringify({ ...target, name: '' });
  return createHash('sha256').update(text).digest('base64');
}

const pools = new WeakMap<object, { readonly pool: SshPool; users: number }>();

/**
 * The pool that all provisioners of one gateway share, found by an object that is the gateway's alone. It is closed when
 * the last of them lets go of it.
 */
export function sharedPool(
  gateway: object,
  services: { readonly clock: Clock; readonly logger: Logger },
): { readonly pool: SshPool } & Disposable {
  const entry = pools.get(gateway) ?? { pool: new SshPool(services), users: 0 };
  pools.set(gateway, entry);
  entry.users += 1;
  let isHeld = true;
  return {
    pool: entry.pool,
    [Symbol.dispose]: () => {
      if (!isHeld) return;
      isHeld = false;
      entry.users -= 1;
      if (entry.users > 0) return;
      pools.delete(gateway);
      entry.pool.dispose();
    },
  };
}
