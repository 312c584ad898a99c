import { ProvisionerError, withDeadline } from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';
import { isCalled } from './hosts/host-list.ts';
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

/**
 * Orders hosts, best first. Replace it with one of your own through `DistributedProvisioner`'s options. It is asked for one
 * launch at a time, and no longer waited for than ten seconds.
 */
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
const POLICY_MS = 10_000;

/**
 * The lowest load for each processor first: the load average of the last minute, and one for each kernel that was started
 * there since it was asked for. Hosts that cannot be asked come last.
 */
export function leastLoad(clock: Clock): PlacementPolicy {
  const known = new Map<
    string,
    { readonly at: number; readonly kernels: number; readonly answer: Promise<number[]> }
  >();
  const ask = async ({ host, kernels }: HostLoad): Promise<number> => {
    let entry = known.get(host.machine);
    if (entry === undefined || clock.now() - entry.at > LOAD_AGE_MS) {
      entry = { at: clock.now(), kernels, answer: askLoad(host, clock) };
      known.set(host.machine, entry);
    }
    const [processors = 1, load = Number.POSITIVE_INFINITY] = await entry.answer;
    return (load + Math.max(0, kernels - entry.kernels)) / Math.max(1, processors);
  };
  return async (hosts) => {
    const loads = await Promise.all(hosts.map(async (entry) => ({ entry, load: await ask(entry) })));
    return loads
      .sort((a, b) => compare(a.load, b.load) || a.entry.kernels - b.entry.kernels)
      .map(({ entry }) => entry.host);
  };
}

/** Two hosts that cannot be asked are even. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/**
 * Processors and load; empty when the host does not answer soon, or with something else. Remembered like an answer: others
 * need not wait again.
 */
async function askLoad(host: KernelHost, clock: Clock): Promise<number[]> {
  try {
    return await withDeadline({ what: `the load of ${host.name}`, timeoutMs: ASK_MS, clock }, async ({ signal }) => {
      const output = (await runProgram(host, loadProgram, { signal })).toString('latin1');
      const [processors = NaN, load = NaN] = output.trim().split(/\s+/).map(Number);
      return Number.isFinite(processors) && Number.isFinite(load) ? [processors, load] : [];
    });
  } catch {
    return [];
  }
}

export interface PlacementOptions {
  readonly policy: PlacementPolicy;
  readonly clock: Clock;
  /** Who sits where, whichever provisioner put it there. */
  readonly seats: HostSeats;
  /** Default: no limit. */
  readonly maxKernelsPerHost: number | undefined;
  /** As the operator calls them. */
  readonly drained: readonly string[];
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
   * Takes a seat on the best host; the others to try are in order, those that could not be reached a moment ago last.
   * Errors: `LIMIT_EXCEEDED` when all are full or drained, those of the policy.
   */
  async choose(
    hosts: readonly KernelHost[],
    { signal }: HostCall,
  ): Promise<{ readonly seat: Seat; readonly others: readonly KernelHost[] }> {
    const turn = await this.#options.seats.choosing.take({ signal });
    try {
      const [best, ...others] = await this.#candidates(hosts, signal);
      if (best === undefined) throw new ProvisionerError('LIMIT_EXCEEDED', 'no host for the kernel: none was chosen');
      return { seat: this.seat(best), others };
    } finally {
      turn[Symbol.dispose]();
    }
  }

  async #candidates(hosts: readonly KernelHost[], signal: AbortSignal | undefined): Promise<readonly KernelHost[]> {
    const { maxKernelsPerHost, drained, policy, clock, seats } = this.#options;
    const open = hosts.filter((host) => !drained.some((name) => isCalled(host, name)));
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
    const good: KernelHost[] = [];
    const avoided: KernelHost[] = [];
    for (const host of free) (isAvoided(host) ? avoided : good).push(host);
    if (good.length === 0) return avoided;
    // Who names the host takes nobody's turn.
    if (hosts.length === 1) return good;
    const loads = good.map((host) => ({ host, kernels: seats.count(host) }));
    const ordered = await withDeadline(
      { what: 'the choice of a host', timeoutMs: POLICY_MS, signal, clock },
      async (scope) => await policy(loads, { signal: scope.signal }),
    );
    return [...ordered, ...avoided];
  }

  #isFull(host: KernelHost): boolean {
    const { maxKernelsPerHost = Number.POSITIVE_INFINITY, seats } = this.#options;
    return seats.count(host) >= maxKernelsPerHost;
  }
}
