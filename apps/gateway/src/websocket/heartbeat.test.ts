import { describe, expect, test } from '@jest/globals';
import type { Clock } from '@gateway-provisioners/core';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { Heartbeat } from './heartbeat.ts';

function heartbeat(intervalMs: number) {
  const clock = new ManualClock();
  const seen = { pings: 0, silent: 0, suspended: false };
  const beat = new Heartbeat({
    intervalMs,
    clock,
    suspended: () => seen.suspended,
    ping: () => (seen.pings += 1),
    onSilent: () => (seen.silent += 1),
  });
  beat.start();
  return { clock, seen, beat };
}

describe('a heartbeat', () => {
  test('gives up on a silent peer after three intervals, but not before 30 s', async () => {
    const slow = heartbeat(30_000);
    await slow.clock.advance(90_000);
    expect([slow.seen.pings, slow.seen.silent]).toEqual([3, 0]);
    await slow.clock.advance(30_000);
    expect(slow.seen.silent).toBe(1);
    expect(slow.clock.pending).toBe(0);
    const quick = heartbeat(1_000);
    await quick.clock.advance(30_000);
    expect(quick.seen.silent).toBe(0);
    await quick.clock.advance(1_000);
    expect(quick.seen.silent).toBe(1);
  });

  test('goes on as long as there are signs of life', async () => {
    const { clock, seen, beat } = heartbeat(30_000);
    for (let i = 0; i < 100; i += 1) {
      await clock.advance(30_000);
      beat.sign();
    }
    expect([seen.pings, seen.silent]).toEqual([100, 0]);
  });

  test('waits while no answer can come', async () => {
    const { clock, seen } = heartbeat(30_000);
    seen.suspended = true;
    await clock.advance(600_000);
    expect([seen.pings, seen.silent]).toEqual([0, 0]);
    seen.suspended = false;
    await clock.advance(150_000);
    expect(seen.silent).toBe(1);
  });

  test('does not take a clock that is set on, or a machine that slept, for silence', async () => {
    const manual = new ManualClock();
    let setOnMs = 0;
    const clock: Clock = {
      now: () => manual.now() + setOnMs,
      schedule: (delayMs, callback) => manual.schedule(delayMs, callback),
    };
    let silent = 0;
    const onSilent = () => (silent += 1);
    const beat = new Heartbeat({ intervalMs: 30_000, clock, suspended: () => false, ping: () => undefined, onSilent });
    beat.start();
    setOnMs = 86_400_000;
    await manual.advance(90_000);
    expect(silent).toBe(0);
    await manual.advance(30_000);
    expect(silent).toBe(1);
  });

  test('does nothing at 0, and nothing after its end', async () => {
    const off = heartbeat(0);
    await off.clock.advance(1_000_000);
    expect(off.seen.pings).toBe(0);
    const ended = heartbeat(10);
    ended.beat.stop();
    expect(ended.clock.pending).toBe(0);
  });
});
