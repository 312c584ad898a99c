import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '@gateway-provisioners/core';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { GracePeriod } from './grace-period.ts';
import { heartbeatAnswers } from './heartbeat.ts';

describe('the grace period', () => {
  const bench = (graceMs: number) => {
    const clock = new ManualClock();
    const state = { heardAt: 0, alive: false, asked: 0, lost: [] as number[] };
    const period = new GracePeriod({
      graceMs,
      clock,
      heardAt: () => state.heardAt,
      signOfLife: () => {
        state.asked += 1;
        return Promise.resolve(state.alive);
      },
      onLost: (silentMs) => state.lost.push(silentMs),
    });
    return { clock, state, period };
  };

  test('ends that long after the last word, and once', async () => {
    const { clock, state } = bench(1_000);
    await clock.advance(600);
    state.heardAt = clock.now();
    await clock.advance(900);
    expect(state.asked).toBe(0);
    await clock.advance(200);
    expect(state.lost).toEqual([1_000]);
    await clock.advance(10_000);
    expect(state).toMatchObject({ asked: 1, lost: [1_000] });
    expect(clock.pending).toBe(0);
  });

  test('begins anew when the kernel shows a sign of life though its host is silent', async () => {
    const { clock, state } = bench(1_000);
    state.alive = true;
    await clock.advance(5_500);
    expect(state).toMatchObject({ asked: 5, lost: [] });
    state.alive = false;
    await clock.advance(1_000);
    expect(state.lost).toHaveLength(1);
  });

  test('0 is for ever, and nothing waits after disposal', async () => {
    const { clock, state } = bench(0);
    await clock.advance(1e9);
    expect(state.asked).toBe(0);
    const other = bench(1_000);
    other.period[Symbol.dispose]();
    expect(other.clock.pending).toBe(0);
    expect(clock.pending).toBe(0);
  });
});

describe('a heartbeat', () => {
  const GREETING = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]);

  test.each([
    ['is answered by a greeting in pieces', [GREETING.subarray(0, 4), GREETING.subarray(4)], true],
    ['is not answered by another service', [Buffer.from('SSH-2.0-OpenSSH_9.2')], false],
    ['is not answered by who hangs up', [], false],
  ])('%s', async (_what, pieces, expected) => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => undefined).resume();
      for (const piece of pieces) socket.write(piece);
      socket.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    try {
      const answer = await heartbeatAnswers({ host: '127.0.0.1', port: address.port }, { clock: systemClock });
      expect(answer).toBe(expected);
    } finally {
      const closed = once(server, 'close');
      server.close();
      await closed;
    }
    // Nobody listens any more.
    expect(await heartbeatAnswers({ host: '127.0.0.1', port: address.port }, { clock: systemClock })).toBe(false);
  });

  test('is waited for no longer than a few seconds', async () => {
    const clock = new ManualClock();
    const connected = new Promise<Socket>((resolve) => {
      server.on('connection', resolve);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const asking = heartbeatAnswers({ host: '127.0.0.1', port: address.port }, { clock });
    const socket = await connected;
    socket.on('error', () => undefined);
    await clock.advance(5_000);
    expect(await asking).toBe(false);
    socket.destroy();
    server.close();
  });

  const server = createServer();
});
