import { describe, expect, test } from '@jest/globals';
import { systemClock } from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import { LocalHost } from './hosts/local-host.ts';
import { HostSeats } from './hosts/host-seats.ts';
import type { KernelHost } from './hosts/kernel-host.ts';
import { Placement, leastConnection, leastLoad, roundRobin } from './placement.ts';
import type { PlacementOptions } from './placement.ts';

/** A host that answers the question for its load with these texts. */
function host(name: string, options: { load?: string; avoidUntil?: number; machine?: string } = {}): KernelHost {
  const base = new LocalHost(name, {});
  const self: KernelHost = {
    id: name,
    machine: options.machine ?? name,
    name,
    address: name,
    user: undefined,
    get login() {
      return self;
    },
    isLocal: false,
    isTunnelled: false,
    avoidUntil: options.avoidUntil,
    exec: async ({ stdin }) => {
      const program = Buffer.from(stdin).toString();
      const [, mark = ''] = /'\\n%s-begin\\n' (\S+)/.exec(program) ?? [];
      if (options.load === undefined) throw new Error('unreachable');
      return await Promise.resolve({
        stdout: Buffer.from(`noise\n${mark}-begin\n${options.load}\n${mark}-end 0\n`),
        stderr: Buffer.alloc(0),
        exitCode: 0,
      });
    },
    execAside: () => Promise.reject(new Error('not used')),
    dial: () => Promise.reject(new Error('not used')),
    openResponseWay: () => Promise.reject(new Error('not used')),
    upload: () => Promise.reject(new Error('not used')),
    hold: () => base.hold(),
  };
  return self;
}

const fixed: Clock = { now: () => 1_000, schedule: (delayMs, callback) => systemClock.schedule(delayMs, callback) };
const placement = (options: Partial<PlacementOptions> = {}): Placement =>
  new Placement({
    policy: roundRobin(),
    clock: fixed,
    seats: new HostSeats(),
    maxKernelsPerHost: undefined,
    drained: [],
    ...options,
  });
/** Names of the hosts in the order in which they would be tried; no seat stays taken. */
async function order(of: Placement, hosts: readonly KernelHost[]): Promise<readonly string[]> {
  const { seat, others } = await of.choose(hosts, {});
  seat[Symbol.dispose]();
  return [seat.host, ...others].map(({ name }) => name);
}
const [a, b, c] = [host('a'), host('b'), host('c')];

describe('host choice', () => {
  test('round-robin takes each in turn, and offers the others after it', async () => {
    const round = placement();
    const seen = [];
    for (let turn = 0; turn < 4; turn += 1) seen.push((await order(round, [a, b, c])).join(''));
    expect(seen).toEqual(['abc', 'bca', 'cab', 'abc']);
  });

  test('least-connection takes the one with the fewest kernels; a released seat counts no more', async () => {
    const least = placement({ policy: leastConnection() });
    const seat = least.seat(a);
    least.seat(c);
    expect(await order(least, [a, b, c])).toEqual(['b', 'a', 'c']);
    seat[Symbol.dispose]();
    seat[Symbol.dispose]();
    expect(await order(least, [a, b, c])).toEqual(['a', 'b', 'c']);
  });

  test('least-load takes the lowest load for each processor; who cannot be asked comes last', async () => {
    const loaded = placement({ policy: leastLoad(fixed) });
    const hosts = [host('silent'), host('busy', { load: '2\n4.0 1 1' }), host('large', { load: '8\n4.0 1 1' })];
    expect(await order(loaded, hosts)).toEqual(['large', 'busy', 'silent']);
    // Started since it was asked: one for each kernel.
    for (let count = 0; count < 13; count += 1) loaded.seat(hosts[2]!);
    expect(await order(loaded, hosts)).toEqual(['busy', 'large', 'silent']);
  });

  test.each(['no load known', 'x\n0.1', '2\n-', '2\n'])(
    'a host whose answer %j holds no load comes last',
    async (load) => {
      const hosts = [host('odd', { load }), host('busy', { load: '2\n4.0' }), host('large', { load: '8\n4.0' })];
      expect(await order(placement({ policy: leastLoad(fixed) }), hosts)).toEqual(['large', 'busy', 'odd']);
    },
  );

  test('hosts that could not be reached a moment ago come last, also when nobody else is left', async () => {
    const avoided = host('avoided', { avoidUntil: 2_000 });
    const recovered = host('recovered', { avoidUntil: 500 });
    expect(await order(placement(), [avoided, b, recovered])).toEqual(['b', 'recovered', 'avoided']);
    expect(await order(placement(), [avoided])).toEqual(['avoided']);
  });

  test('a host whose time is over while it is looked at is among the others or comes last, never neither', async () => {
    const reads = [2_000, 2_000];
    const flickering = host('flickering');
    Object.defineProperty(flickering, 'avoidUntil', { get: () => reads.shift() ?? 500 });
    expect(await order(placement(), [flickering])).toEqual(['flickering']);
  });

  test('full and drained hosts get nothing, and the error says which it is', async () => {
    const limited = placement({ maxKernelsPerHost: 1, drained: ['b'] });
    expect(await order(limited, [a, b])).toEqual(['a']);
    expect(limited.trySeat(a)).toBeDefined();
    expect(limited.trySeat(a)).toBeUndefined();
    await expect(order(limited, [a, b])).rejects.toThrow(/max_kernels_per_host: 1/);
    await expect(order(limited, [b])).rejects.toThrow(/drained/);
  });

  test.each(['gp@node:2222', 'node', '10.0.0.7'])(
    'a host is drained by its entry, name or address: %s',
    async (text) => {
      const named: KernelHost = { ...host('gp@node:2222'), address: '10.0.0.7' };
      expect(await order(placement({ drained: [text] }), [named, b])).toEqual(['b']);
      expect(await order(placement({ drained: [`${text}0`] }), [named, b])).toEqual(['gp@node:2222', 'b']);
    },
  );

  test("who names the host takes nobody else's turn", async () => {
    const round = placement();
    expect(await order(round, [a, b])).toEqual(['a', 'b']);
    expect(await order(round, [a])).toEqual(['a']);
    expect(await order(round, [a, b])).toEqual(['b', 'a']);
  });

  test('kernels of one provisioner count for another that names the same machine otherwise', async () => {
    const seats = new HostSeats();
    const alias = host('alias-of-a', { machine: 'a' });
    const one = placement({ seats, maxKernelsPerHost: 1, policy: leastConnection() });
    const other = placement({ seats, maxKernelsPerHost: 1, policy: leastConnection() });
    const seat = one.trySeat(a);
    expect(await order(other, [alias, b])).toEqual(['b']);
    expect(other.trySeat(alias)).toBeUndefined();
    seat?.[Symbol.dispose]();
    expect(await order(other, [alias, b])).toEqual(['alias-of-a', 'b']);
  });

  test.each([
    ['least-connection', leastConnection()],
    ['least-load', leastLoad(fixed)],
    ['round-robin', roundRobin()],
  ])('launches at once are spread, %s', async (_name, policy) => {
    const hosts = ['x', 'y', 'z'].map((name) => host(name, { load: '2\n0.5' }));
    const spread = placement({ policy });
    const chosen = await Promise.all(
      Array.from({ length: 30 }, async () => (await spread.choose(hosts, {})).seat.host.name),
    );
    for (const name of ['x', 'y', 'z']) expect(chosen.filter((one) => one === name)).toHaveLength(10);
  });

  test('a policy that never answers fails its own launch, and a later one gets its turn', async () => {
    const clock = new ManualClock();
    let isStuck = true;
    const stuck = placement({
      clock,
      policy: async (hosts) => (isStuck ? await new Promise(() => undefined) : hosts.map(({ host: one }) => one)),
    });
    const first = stuck.choose([a, b], {});
    const failure = expect(first).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const second = order(stuck, [a, b]);
    await settle();
    isStuck = false;
    await clock.advance(10_000);
    await failure;
    expect(await second).toEqual(['a', 'b']);
  });

  test('two provisioners with the same hosts take turns', async () => {
    const seats = new HostSeats();
    const [one, other] = [0, 1].map(() => placement({ seats, policy: roundRobin(seats.rotationOf([a, b])) }));
    expect(await order(one!, [a, b])).toEqual(['a', 'b']);
    expect(await order(other!, [a, b])).toEqual(['b', 'a']);
    expect(seats.rotationOf([a, b])).not.toBe(seats.rotationOf([b, a]));
  });
});
