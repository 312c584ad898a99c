import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import type { DialComm } from '@gateway-provisioners/core';
import { FakeCommV1 } from '../testing/fake-comm-v1.ts';
import { openComm } from './open-comm.ts';

const state = (port: number) => ({ version: 1, kernelId: 'k', host: '127.0.0.1', port }) as const;

describe('comm channel of version 1', () => {
  test('sends numbers only, one connection at a time, each with a request', async () => {
    await using launcher = await FakeCommV1.start();
    const comm = openComm(state(launcher.port));
    const results = await Promise.all([
      comm.signal(2),
      comm.isAlive(),
      ...Array.from({ length: 20 }, () => comm.signal(0)),
      comm.signal(15),
    ]);
    expect(results.every(Boolean)).toBe(true);
    await comm.shutdown();
    await launcher.received(24);
    expect(launcher.crash).toBeUndefined();
    expect(launcher.requests.slice(0, 2)).toEqual([{ signum: 2 }, { signum: 0 }]);
    expect(launcher.requests.slice(-2)).toEqual([{ signum: 15 }, { shutdown: 1 }]);
  });

  test('a refused connection means that nobody is there', async () => {
    const launcher = await FakeCommV1.start();
    const comm = openComm(state(launcher.port));
    await launcher.stop();
    expect(await comm.isAlive()).toBe(false);
    expect(await comm.signal(2)).toBe(false);
    await comm.shutdown();
  });

  /** Dials in turn: what resets its connections before or after they are made, then what refuses them. */
  function dialling(...ends: readonly ('reset' | 'made, then reset' | 'refused')[]): { dial: DialComm; dials: number } {
    const failure = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });
    const counted = {
      dials: 0,
      dial: (): Promise<Duplex> => {
        const end = ends[counted.dials];
        counted.dials += 1;
        if (end !== 'made, then reset') return Promise.reject(failure(end === 'reset' ? 'ECONNRESET' : 'ECONNREFUSED'));
        const write = (_chunk: Buffer, _encoding: string, done: (error: Error) => void): void => {
          done(failure('ECONNRESET'));
        };
        return Promise.resolve(new Duplex({ read: () => undefined, write }));
      },
    };
    return counted;
  }

  test.each(['reset', 'made, then reset'] as const)(
    'a probe whose connection is %s is sent again: its listener may just have ended',
    async (end) => {
      const network = dialling(end, 'refused');
      expect(await openComm(state(1), network).isAlive()).toBe(false);
      expect(network.dials).toBe(2);
      const odd = dialling(end, end, 'refused');
      await expect(openComm(state(1), odd).isAlive()).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    },
  );

  test('a signal whose connection is reset is not sent again', async () => {
    const network = dialling('made, then reset', 'refused');
    await expect(openComm(state(1), network).signal(2)).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    expect(network.dials).toBe(1);
  });

  test('after the kernel has ended, at most one more answer is "alive"', async () => {
    await using launcher = await FakeCommV1.start();
    const comm = openComm(state(launcher.port));
    launcher.isKernelAlive = false;
    expect(await comm.isAlive()).toBe(true);
    await launcher.received(1);
    expect(launcher.crash).toBe('no such process');
    expect(await comm.isAlive()).toBe(false);
  });

  test('cannot tell a status and holds no lease', async () => {
    await using launcher = await FakeCommV1.start();
    const comm = openComm(state(launcher.port));
    expect(await comm.status()).toBeUndefined();
    comm.holdLease()[Symbol.dispose]();
    expect(launcher.requests).toEqual([]);
  });

  test('a listener that reads nothing does not hold the caller up', async () => {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const comm = openComm(state((server.address() as AddressInfo).port));
    expect(await comm.signal(0)).toBe(true);
    server.close();
  });

  test('an unreachable listener is not a dead kernel', async () => {
    const dial = () => Promise.reject(Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' }));
    const comm = openComm(state(1), { dial });
    await expect(comm.isAlive()).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    const never = openComm(state(1), { dial: () => new Promise(() => undefined), timeoutMs: 20 });
    await expect(never.signal(2)).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    const controller = new AbortController();
    const aborted = openComm(state(1), { dial: () => new Promise(() => undefined) }).signal(2, controller);
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test.each([-1, 65, 1.5, Number.NaN])('%d is no signal', async (signum) => {
    await using launcher = await FakeCommV1.start();
    await expect(openComm(state(launcher.port)).signal(signum)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(launcher.requests).toEqual([]);
  });

  test('over IPv6', async () => {
    await using launcher = await FakeCommV1.start('::1');
    expect(await openComm({ ...state(launcher.port), host: '::1' }).isAlive()).toBe(true);
  });
});
