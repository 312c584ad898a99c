import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { CommState } from '@gateway-provisioners/core';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { FakeCommV2 } from '../testing/fake-comm-v2.ts';
import { eventually } from '../testing/listener-bench.ts';
import { openComm } from './open-comm.ts';

const key = randomBytes(32);
const kernelId = 'b3f1f3c2-0d4e-4c55-9a63-7b0b6e1d2f10';

function stateOf(port: number, more: Partial<CommState> = {}): CommState {
  return { version: 2, kernelId, host: '127.0.0.1', port, key: key.toString('base64'), ...more };
}

/** A listener that is none of ours. */
async function impostor(onConnection: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe('comm channel of version 2', () => {
  test('asks, and hears the answer', async () => {
    await using launcher = await FakeCommV2.start({ kernelId, key });
    const comm = openComm(stateOf(launcher.port));
    expect(await comm.signal(2)).toBe(true);
    expect(await comm.isAlive()).toBe(true);
    launcher.logTail = 'the last lines\n';
    expect(await comm.status()).toEqual({ alive: true, pid: 4711, logTail: 'the last lines\n' });
    await comm.shutdown();
    expect(launcher.requests).toEqual([
      { request: 'signal', signum: 2 },
      { request: 'ping' },
      { request: 'status', max_log_bytes: 8000 },
      { request: 'shutdown' },
    ]);
  });

  test('tells how the kernel ended', async () => {
    await using launcher = await FakeCommV2.start({ kernelId, key });
    const comm = openComm(stateOf(launcher.port));
    launcher.exit = { reason: 'signalled', signal: 'SIGKILL' };
    launcher.logTail = 'Killed';
    expect(await comm.isAlive()).toBe(false);
    expect(await comm.signal(2)).toBe(false);
    const exit = { reason: 'signalled', signal: 'SIGKILL', logTail: 'Killed' };
    expect(await comm.status()).toEqual({ alive: false, pid: 4711, exit, logTail: 'Killed' });
    await comm.shutdown();
    await launcher.stop();
    expect([await comm.isAlive(), await comm.signal(2), await comm.status()]).toEqual([false, false, undefined]);
    await comm.shutdown();
  });

  test('many at once are asked one after another', async () => {
    await using launcher = await FakeCommV2.start({ kernelId, key });
    const comm = openComm(stateOf(launcher.port));
    await Promise.all(Array.from({ length: 30 }, (_, index) => comm.signal(index)));
    expect(launcher.requests).toEqual(Array.from({ length: 30 }, (_, signum) => ({ request: 'signal', signum })));
  });

  test('with the key of somebody else, nothing is done', async () => {
    await using launcher = await FakeCommV2.start({ kernelId, key });
    const wrong = openComm(stateOf(launcher.port, { key: randomBytes(32).toString('base64') }));
    await expect(wrong.signal(9)).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    const other = openComm(stateOf(launcher.port, { kernelId: 'other' }));
    await expect(other.shutdown()).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    expect([launcher.requests.length, launcher.refused]).toEqual([0, 2]);
  });

  test('a reply that was recorded earlier is not believed', async () => {
    let recorded: string | undefined;
    const rewriteReply = (line: string) => (recorded ??= line);
    await using launcher = await FakeCommV2.start({ kernelId, key, rewriteReply });
    const comm = openComm(stateOf(launcher.port));
    expect(await comm.isAlive()).toBe(true);
    launcher.exit = { reason: 'exited', exit_code: 1 };
    await expect(comm.isAlive()).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
  });

  test.each([
    ['closes at once', 'KERNEL_UNREACHABLE', (socket: Socket) => socket.end()],
    ['resets', 'KERNEL_UNREACHABLE', (socket: Socket) => socket.resetAndDestroy()],
    ['says nothing', 'KERNEL_UNREACHABLE', () => undefined],
    ['says something else', 'PROTOCOL_ERROR', (socket: Socket) => socket.write('220 ready\r\n')],
    ['never ends its line', 'PROTOCOL_ERROR', (socket: Socket) => socket.write('x'.repeat(100_000))],
    [
      'drips',
      'KERNEL_UNREACHABLE',
      (socket: Socket) => {
        socket.write('{"version"');
      },
    ],
  ])('a peer that %s is not believed', async (name, code, behave) => {
    using peer = await impostor(behave);
    // Only where nothing ends the exchange but its deadline may that be short: the process may stand still meanwhile.
    const timeoutMs = name === 'says nothing' || name === 'drips' ? 300 : 60_000;
    await expect(openComm(stateOf(peer.port), { timeoutMs }).isAlive()).rejects.toMatchObject({ code });
  });

  test('an error of the launcher is told', async () => {
    await using launcher = await FakeCommV2.start({ kernelId, key });
    const comm = openComm(stateOf(launcher.port));
    await expect(comm.signal(65)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(launcher.requests).toEqual([]);
  });

  test('a caller that gives up while it waits for its turn asks nothing', async () => {
    let entered: (() => void) | undefined;
    const dialling = new Promise<void>((resolve) => (entered = resolve));
    const dial = () => {
      entered?.();
      return new Promise<never>(() => undefined);
    };
    const comm = openComm(stateOf(1), { dial, timeoutMs: 50 });
    const first = comm.signal(2);
    await dialling;
    const controller = new AbortController();
    const second = comm.signal(9, controller);
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(first).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
  });
});

describe('lease', () => {
  test('is renewed at once and every third of it, and no more after disposal', async () => {
    const clock = new ManualClock();
    await using launcher = await FakeCommV2.start({ kernelId, key });
    const comm = openComm(stateOf(launcher.port, { leaseMs: 3_600_000 }), { clock });
    const lease = comm.holdLease();
    for (const count of [1, 2, 3]) {
      // The answer must have come too: until then, the only timer is the deadline of the request.
      await eventually(() => launcher.requests.length === count && clock.nextDelayMs === 1_200_000);
      await clock.advance(1_199_999);
      expect(launcher.requests).toHaveLength(count);
      await clock.advance(1);
    }
    await eventually(() => launcher.requests.length === 4 && clock.nextDelayMs === 1_200_000);
    expect(launcher.requests.every(({ request }) => request === 'renew')).toBe(true);
    lease[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });

  test('a failed renewal is reported and tried again sooner', async () => {
    const clock = new ManualClock();
    const launcher = await FakeCommV2.start({ kernelId, key });
    const comm = openComm(stateOf(launcher.port, { leaseMs: 60_000 }), { clock });
    await launcher.stop();
    const problems: Error[] = [];
    const lease = comm.holdLease({ onProblem: (error) => problems.push(error) });
    for (const count of [1, 2, 3]) {
      await eventually(() => problems.length === count && clock.pending === 1);
      await clock.advance(2000);
    }
    expect(problems[0]).toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    lease[Symbol.dispose]();
  });

  test('of 0 is never renewed', async () => {
    const clock = new ManualClock();
    await using launcher = await FakeCommV2.start({ kernelId, key });
    for (const more of [{}, { leaseMs: 0 }]) {
      using lease = openComm(stateOf(launcher.port, more), { clock }).holdLease();
      expect(lease).toBeDefined();
      await clock.advance(1e9);
    }
    expect(launcher.requests).toEqual([]);
  });
});

test.each([
  [{ port: 0 }, 'port'],
  [{ host: '' }, 'host'],
  [{ key: 'c2hvcnQ=' }, 'key'],
  [{ version: 3 }, 'version'],
  [{ leaseMs: -1 }, 'leaseMs'],
])('a state with %j is refused by name, without its values', (bad, field) => {
  const state = { ...stateOf(1), ...bad };
  expect(() => openComm(state as CommState)).toThrow(field);
  expect(() => openComm(state as CommState)).not.toThrow(key.toString('base64'));
});
