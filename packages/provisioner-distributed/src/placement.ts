import { ProvisionerError } from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';
import type { HostSeats, Rotation, Seat } from './hosts/host-seats.ts';
import type { HostCall, KernelHost } from './hosts/kernel-host.ts';
import { loadProgram } from './shell/kernel-programs.ts';
import { runProgram } from './shell/run-program.ts';

/** What a policy knows about a host. */
export interface HostLoad {
  readonly host: KernelHost;
  /** Kernels of this gateway that run or start there. */
  readonly kernels: number;
}

/** Orders hosts, best first. Replace it with one of your own through `DistributedProvisioner`'s options. */
export type PlacementPolicy = (hosts: readonly HostLoad[], call: HostCall) => Promise<readonly KernelHost[]>;

/** Each host in turn. */
export function roundRobin(rotation: Rotation = { next: 0 }): PlacementPolicy {
  return (hosts) => {
    const start = rotation.next % Math.max(1, hosts.length);
    rotation.next += 1;
    return Promise.resolve([...hosts.slice(start), ...hosts.slice(0, start)].map(({ host }) => host));
  };
}

/** The fewest kernels first; in the operator's order where they are even. */
export function leastConnection(): PlacementPolicy {
  return (hosts) => Promise.resolve([...hosts].sort((a, b) => a.kernels - b.kernels).map(({ host }) => host));
}

const LOAD_AGE_MS = 5_000;
const ASK_MS = 3_000;

/**
 * The lowest load for each processor first: the load average of the last minute, and one for each kernel that was started
 * there since it was asked for. Hosts that cannot be asked come last.
 */
export function leastLoad(clock: Clock): PlacementPolicy {
  const known = new Map<
    string,
    { readonly load: number; readonly processors: number; readonly at: number; kernels: number }
  >();
  const ask = async ({ host, kernels }: HostLoad, call: HostCall): Promise<number> => {
    let entry = known.get(host.name);
    if (entry === undefined || clock.now() - entry.at > LOAD_AGE_MS) {
      const output = (await runProgram(host, loadProgram, call)).toString('latin1');
      const [processors = 1, load = 0] = output.trim().split(/\s+/).map(Number);
      entry = { load, processors: Math.max(1, processors), at: clock.now(), kernels };
      known.set(host.name, entry);
    }
    return (entry.load + Math.max(0, kernels - entry.kernels)) / entry.processors;
  };
  return async (hosts, call) => {
    const loads = await Promise.all(
      hosts.map(async (entry) => {
        const abandoned = new Promise<number>((resolve) => {
          const cancel = clock.schedule(ASK_MS, () => {
            resolve(Number.POSITIVE_INFINITY);
          });
          void ask(entry, call)
            .then(resolve, () => {
              resolve(Number.POSITIVE_INFINITY);
            })
            .finally(cancel);
        });
        return { entry, load: await abandoned };
      }),
    );
    return loads.sort((a, b) => a.load - b.load || a.entry.kernels - b.entry.kernels).map(({ entry }) => entry.host);
  };
}

export interface PlacementOptions {
  readonly policy: PlacementPolicy;
  readonly clock: Clock;
  /** Who sits where, whichever provisioner put it there. */
  readonly seats: HostSeats;
  /** Default: no limit. */
  readonly maxKernelsPerHost: number | undefined;
  readonly drained: ReadonlySet<string>;
}

/** Finds the hosts to try for the next kernel. */
export class Placement {
  readonly #options: PlacementOptions;

  constructor(options: PlacementOptions) {
    this.#options = options;
  }

  /** Takes a seat whatever the limits say: for a kernel that is there already. */
  seat(host: KernelHost): Seat {
    return this.#options.seats.take(host);
  }

  /** A seat, unless the host is full. */
  trySeat(host: KernelHost): Seat | undefined {
    return this.#isFull(host) ? undefined : this.seat(host);
  }

  /**
   * Hosts to try, best first; those that could not be reached a moment ago come last.
   * Errors: `LIMIT_EXCEEDED` when all are full or drained.
   */
  async candidates(hosts: readonly KernelHost[], call: HostCall): Promise<readonly KernelHost[]> {
    const { maxKernelsPerHost, drained, policy, clock, seats } = this.#options;
    const open = hosts.filter((host) => !drained.has(host.name));
    const free = open.filter((host) => !this.#isFull(host));
    if (free.length === 0) {
      const why =
        open.length === 0
          ? 'every host is drained (drained_hosts)'
          : `every host runs as many kernels as it may (max_kernels_per_host: ${String(maxKernelsPerHost)})`;
      throw new ProvisionerError('LIMIT_EXCEEDED', `no host for the kernel: ${why}`);
    }
    const now = clock.now();
    const isAvoided = (host: KernelHost): boolean => host.avoidUntil !== undefined && host.avoidUntil > now;
    const loads = (list: readonly KernelHost[]): HostLoad[] =>
      list.map((host) => ({ host, kernels: seats.count(host) }));
    const good = free.filter((host) => !isAvoided(host));
    return [...(good.length === 0 ? [] : await policy(loads(good), call)), ...free.filter(isAvoided)];
  }

  #isFull(host: KernelHost): boolean {
    const { maxKernelsPerHost = Number.POSITIVE_INFINITY, seats } = this.#options;
    return seats.count(host) >= maxKernelsPerHost;
  }
}
