import { describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import type { EngineEvent } from './engine.ts';
import { watchEvents } from './event-watch.ts';

const event = (id: string, timeNs: bigint): EngineEvent => ({
  type: 'container',
  action: 'die',
  scope: 'local',
  id,
  attributes: {},
  timeNs,
});

describe('a watch', () => {
  it('is made again from where it broke, tells of it, and ends when cancelled', async () => {
    const far = BigInt(Date.now() + 60_000) * 1_000_000n;
    const streams: (readonly EngineEvent[] | Error)[] = [
      [event('a', far)],
      new Error('broken'),
      [event('a', far), event('b', far + 5n)],
      [],
    ];
    const said: unknown[] = [];
    await new Promise<void>((resolve) => {
      const cancel = watchEvents({
        clock: systemClock,
        logger: silentLogger,
        listener: {
          onEvent: ({ id }) => said.push(id),
          onConnected: () => said.push('connected'),
          onDisconnected: () => said.push('disconnected'),
        },
        open: (sinceNs) => {
          said.push(sinceNs === undefined ? 'now' : sinceNs - far);
          const next = streams.shift();
          if (streams.length === 0) {
            cancel();
            resolve();
          }
          if (next instanceof Error) return Promise.reject(next);
          return Promise.resolve(
            (async function* () {
              yield* await Promise.resolve(next ?? []);
            })(),
          );
        },
      });
    });
    expect(said).toEqual([
      ...['now', 'connected', 'a', 'disconnected'],
      ...[0n, 'disconnected'],
      ...[0n, 'connected', 'a', 'b', 'disconnected'],
      5n,
    ]);
  });
});
