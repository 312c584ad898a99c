import { networkInterfaces } from 'node:os';
import type { ProvisionerServices } from '@gateway-provisioners/core';
import type { DistributedConfig } from '../distributed-config.ts';
import { loadSshConfig, parseHostEntry, resolveTarget } from '../ssh/resolve-target.ts';
import type { ConfigLine } from '../ssh/ssh-config-file.ts';
import type { SshPool } from '../ssh/ssh-pool.ts';
import type { KernelHost } from './kernel-host.ts';
import { LocalHost } from './local-host.ts';
import { RemoteHost } from './remote-host.ts';
import { SudoHost } from './sudo-host.ts';

const LOCAL_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

export interface HostListOptions {
  readonly config: DistributedConfig;
  readonly services: ProvisionerServices;
  readonly pool: SshPool;
}

/** The hosts that the operator names. */
export class HostList {
  /** In the operator's order. */
  readonly all: readonly KernelHost[];
  readonly #options: HostListOptions & { readonly lines: readonly ConfigLine[] };
  readonly #known = new Map<string, KernelHost>();

  private constructor(options: HostListOptions & { readonly lines: readonly ConfigLine[] }) {
    this.#options = options;
    this.all = [...new Set(options.config.remote_hosts ?? ['localhost'])].map((name) => this.find(name));
  }

  /** Errors: `INVALID_CONFIG` for a name or a configuration that cannot be used. */
  static async open(options: HostListOptions): Promise<HostList> {
    const names = options.config.remote_hosts ?? ['localhost'];
    const isNeeded = options.config.ssh_config !== undefined || !names.every(isThisMachine);
    const lines = isNeeded ? await loadSshConfig(options.config, options.services.env) : [];
    return new HostList({ ...options, lines });
  }

  /** A host by its name, also one that is not in the list any more but has kernels. Errors: `INVALID_CONFIG`. */
  find(name: string): KernelHost {
    const known = this.#known.get(name) ?? this.#make(name);
    this.#known.set(name, known);
    return known;
  }

  /** Another user's account on a host. */
  findAs(name: string, user: string | undefined): KernelHost {
    const login = this.find(name);
    if (user === undefined) return login;
    // A text with a line feed is the name of no host.
    const key = `${name}\n${user}`;
    const known = this.#known.get(key) ?? new SudoHost(login, user);
    this.#known.set(key, known);
    return known;
  }

  #make(name: string): KernelHost {
    const { config, services, pool, lines } = this.#options;
    const { env, clock, logger } = services;
    if (isThisMachine(name)) return new LocalHost(name, env);
    const ssh = pool.hostFor(resolveTarget(name, { config, env, lines }));
    return new RemoteHost(name, ssh, { isTunnelled: config.tunneling ?? false, clock, logger });
  }
}

/** Whether an operator may call a host so: as it stands in the list, without the user and the port, or by its address. */
export function isCalled({ name, address }: Pick<KernelHost, 'name' | 'address'>, text: string): boolean {
  return text === name || text === address || text === parseHostEntry(name).host;
}

/** A name or an address of this machine, with neither user nor port: those ask for SSH. */
function isThisMachine(name: string): boolean {
  const { host, user, port } = parseHostEntry(name);
  if (user !== undefined || port !== undefined) return false;
  if (LOCAL_NAMES.has(host.toLowerCase())) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === host));
}
