import type { Clock, Logger } from '@gateway-provisioners/core';
import { SshPool } from '../ssh/ssh-pool.ts';
import { HostSeats } from './host-seats.ts';
import type { KernelHost } from './kernel-host.ts';
import { KernelWatch } from './kernel-watch.ts';

interface Services {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What all provisioners of one gateway share: connections, who sits where, and one watch of kernels for each account. */
export class SharedHosts {
  readonly pool: SshPool;
  readonly seats = new HostSeats();
  readonly #services: Services;
  readonly #watches = new Map<string, KernelWatch>();
  #users = 0;

  constructor(services: Services) {
    this.#services = services;
    this.pool = new SshPool(services);
  }

  /** Found by an object that is the gateway's alone. Dispose of the result; the last one closes all connections. */
  static of(gateway: object, services: Services): { readonly hosts: SharedHosts } & AsyncDisposable {
    const hosts = shared.get(gateway) ?? new SharedHosts(services);
    shared.set(gateway, hosts);
    hosts.#users += 1;
    let isHeld = true;
    return {
      hosts,
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        hosts.#users -= 1;
        if (hosts.#users > 0) return;
        shared.delete(gateway);
        await hosts.#dispose();
      },
    };
  }

  watchOf(host: KernelHost, remoteDir: string): KernelWatch {
    const key = `${host.id} ${remoteDir}`;
    const watch = this.#watches.get(key) ?? new KernelWatch({ ...this.#services, host, remoteDir });
    this.#watches.set(key, watch);
    return watch;
  }

  async #dispose(): Promise<void> {
    for (const watch of this.#watches.values()) await watch.dispose();
    this.pool.dispose();
  }
}

const shared = new WeakMap<object, SharedHosts>();
