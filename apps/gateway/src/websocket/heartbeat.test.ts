import { describe, expect, test } from '@jest/globals';
import type { Clock } from '@gateway-provisioners/core';
import { Heartbeat } from './heartbeat.ts';

class ManualClock implements Clock {
  time = 0;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.time;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.time + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.time = next.at;
      next.callback();
    }
    this.time = end;
  }

  get pending(): number {
    return this.#timers.length;
  }
}

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
  test('gives up on a silent peer after three intervals, but not before 30 s', () => {
    const slow = heartbeat(30_000);
    slow.clock.advance(90_000);
    expect([slow.seen.pings, slow.seen.silent]).toEqual([3, 0]);
    slow.clock.advance(30_000);
    expect(slow.seen.silent).toBe(1);
    expect(slow.clock.pending).toBe(0);
    const quick = heartbeat(1_000);
    quick.clock.advance(30_000);
    expect(quick.seen.silent).toBe(0);
    quick.clock.advance(1_000);
    expect(quick.seen.silent).toBe(1);
  });

  test('goes on as long as there are signs of life', () => {
    const { clock, seen, beat } = heartbeat(30_000);
    for (let i = 0; i < 100; i += 1) {
      clock.advance(30_000);
      beat.sign();
    }
    expect([seen.pings, seen.silent]).toEqual([100, 0]);
  });

  test('waits while no answer can come', () => {
    const { clock, seen } = heartbeat(30_000);
    seen.suspended = true;
    clock.advance(600_000);
    expect([seen.pings, seen.silent]).toEqual([0, 0]);
    seen.suspended = false;
    clock.advance(150_000);
    expect(seen.silent).toBe(1);
  });

  test('does nothing at 0, and nothing after its end', () => {
    const off = heartbeat(0);
    off.clock.advance(1_000_000);
    expect(off.seen.pings).toBe(0);
    const ended = heartbeat(10);
    ended.beat.stop();
    expect(ended.clock.pending).toBe(0);
  });
});
