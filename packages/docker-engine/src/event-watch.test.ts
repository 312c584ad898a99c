import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '@gateway-provisioners/core';
import { ManualClock } from '@gateway-provisioners/core/testing';
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
    const clock = new ManualClock();
    const begun = BigInt(clock.now()) * 1_000_000n;
    const far = begun + 60_000_000_000n;
    const streams: (readonly EngineEvent[] | Error)[] = [
      [event('a', far)],
      new Error('broken'),
      [event('a', far), event('b', far + 5n)],
      [],
    ];
    const said: unknown[] = [];
    const cancel = watchEvents({
      clock,
      logger: silentLogger,
      listener: {
        onEvent: ({ id }) => said.push(id),
        onConnected: () => said.push('connected'),
        onDisconnected: () => said.push('disconnected'),
      },
      open: (sinceNs) => {
        // What happens before the stream stands is asked for as well, from the first time on.
        said.push(sinceNs === begun ? 'begun' : sinceNs - far);
        const next = streams.shift();
        if (streams.length === 0) cancel();
        if (next instanceof Error) return Promise.reject(next);
        return Promise.resolve(
          (async function* () {
            yield* await Promise.resolve(next ?? []);
          })(),
        );
      },
    });
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
    expect(said).toEqual([
      ...['begun', 'connected', 'a', 'disconnected'],
      ...[0n, 'disconnected'],
      ...[0n, 'connected', 'a', 'b', 'disconnected'],
      5n,
    ]);
  });
});
