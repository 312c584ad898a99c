import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import type { Clock } from '@gateway-provisioners/core';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { Confirmations } from './confirmations.ts';

function message(n: number): KernelMessage {
  return createMessage({ channel: 'iopub', msgType: 'stream', content: { n }, session: 'k' });
}

function setUp(maxBytes = 1_000) {
  const pings: string[] = [];
  const confirmations = new Confirmations({
    maxBytes,
    // Time stands still: with no pace to keep, nothing waits for it.
    clock: new ManualClock(),
    paceMs: 0,
    ping: (payload) => pings.push(payload),
  });
  const unconfirmed = () => confirmations.unconfirmed.flat().map((entry) => entry.parseContent()['n']);
  return { pings, confirmations, unconfirmed };
}

describe('what was sent and may not have arrived', () => {
  test('is kept until the answer to a ping behind it', () => {
    const { pings, confirmations, unconfirmed } = setUp();
    confirmations.onSent([message(1), message(2)], 10);
    confirmations.onSent([message(3)], 10);
    // The second waits for the first one's answer.
    expect(pings).toHaveLength(1);
    expect(unconfirmed()).toEqual([1, 2, 3]);
    confirmations.onPong(pings[0] ?? '');
    expect(unconfirmed()).toEqual([3]);
    expect(pings).toHaveLength(2);
    confirmations.onPong(pings[1] ?? '');
    expect(unconfirmed()).toEqual([]);
    expect(pings).toHaveLength(2);
  });

  test('is not confirmed by a pong that nobody asked for, or by one twice', () => {
    const { pings, confirmations, unconfirmed } = setUp();
    confirmations.onSent([message(1)], 10);
    for (const payload of ['', 'sent', 'sent 2', 'sent 01', 'sent -1', 'sent 1e0', 'x']) confirmations.onPong(payload);
    expect(unconfirmed()).toEqual([1]);
    confirmations.onSent([message(2)], 10);
    confirmations.onPong(pings[0] ?? '');
    confirmations.onPong(pings[0] ?? '');
    expect(unconfirmed()).toEqual([2]);
  });

  test('is asked for again only while an answer is awaited', () => {
    const { pings, confirmations, unconfirmed } = setUp();
    expect(confirmations.askAgain()).toBe(false);
    confirmations.onSent([message(1)], 10);
    expect(confirmations.askAgain()).toBe(true);
    expect(pings).toEqual([pings[0], pings[0]]);
    confirmations.onPong(pings[1] ?? '');
    expect(unconfirmed()).toEqual([]);
    expect(confirmations.askAgain()).toBe(false);
    expect(pings).toHaveLength(2);
  });

  test('is bounded: the oldest is forgotten, the newest is kept whatever its size', () => {
    const { pings, confirmations, unconfirmed } = setUp(100);
    for (let n = 1; n <= 5; n += 1) confirmations.onSent([message(n)], 40);
    expect(unconfirmed()).toEqual([4, 5]);
    confirmations.onPong(pings[0] ?? '');
    expect(unconfirmed()).toEqual([4, 5]);
    confirmations.onPong(pings[1] ?? '');
    expect(unconfirmed()).toEqual([]);
    confirmations.onSent([message(6)], 1_000);
    expect(unconfirmed()).toEqual([6]);
  });

  test('is, after any sequence, exactly what was sent behind the last ping that was answered', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('send', 'answer'), { maxLength: 60 }), (steps) => {
        const { pings, confirmations, unconfirmed } = setUp(Infinity);
        let sent = 0;
        let answered = 0;
        let arrived = 0;
        const sentAtPing: number[] = [];
        for (const step of steps) {
          if (step === 'send') confirmations.onSent([message((sent += 1))], 1);
          else if (answered < pings.length) {
            arrived = sentAtPing[answered] ?? 0;
            confirmations.onPong(pings[answered++] ?? '');
          }
          while (sentAtPing.length < pings.length) sentAtPing.push(sent);
          expect(unconfirmed()).toEqual(Array.from({ length: sent - arrived }, (_, index) => arrived + index + 1));
          expect(pings.length - answered).toBe(sent > arrived ? 1 : 0);
        }
      }),
    );
  });
});

describe('pings', () => {
  function paced() {
    const pings: string[] = [];
    const timers: { readonly at: number; readonly callback: () => void }[] = [];
    let now = 1_000;
    const clock: Clock = {
      now: () => now,
      schedule(delayMs, callback) {
        const timer = { at: now + delayMs, callback };
        timers.push(timer);
        return () => {
          const index = timers.indexOf(timer);
          if (index >= 0) timers.splice(index, 1);
        };
      },
    };
    const advance = (ms: number): void => {
      now += ms;
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers.splice(timers.indexOf(timer), 1);
        timer.callback();
      }
    };
    const confirmations = new Confirmations({ maxBytes: 1e9, clock, ping: (payload) => pings.push(payload) });
    const answer = (): void => {
      confirmations.onPong(pings.at(-1) ?? '');
    };
    return { pings, timers, advance, confirmations, answer };
  }

  test('leave at most every 50 ms, the first at once, and the last covers all', () => {
    const { pings, timers, advance, confirmations, answer } = paced();
    for (let n = 1; n <= 10; n += 1) {
      confirmations.onSent([message(n)], 10);
      answer();
      advance(1);
    }
    expect(pings).toEqual(['sent 1']);
    advance(40);
    expect(pings).toEqual(['sent 1', 'sent 10']);
    answer();
    expect(confirmations.unconfirmed).toEqual([]);
    expect(timers).toHaveLength(0);
  });

  test('leave in time although the clock was set back', () => {
    const { pings, advance, confirmations, answer } = paced();
    confirmations.onSent([message(1)], 10);
    answer();
    advance(-500);
    confirmations.onSent([message(2)], 10);
    advance(50);
    expect(pings).toEqual(['sent 1', 'sent 2']);
  });

  test('leave at once while a megabyte is unconfirmed', () => {
    const { pings, timers, confirmations, answer } = paced();
    confirmations.onSent([message(1)], 10);
    answer();
    confirmations.onSent([message(2)], 10);
    expect(pings).toHaveLength(1);
    confirmations.onSent([message(3)], 1024 * 1024);
    expect(pings).toEqual(['sent 1', 'sent 3']);
    expect(timers).toHaveLength(0);
  });

  test('end with the connection', () => {
    const { pings, timers, advance, confirmations, answer } = paced();
    confirmations.onSent([message(1)], 10);
    answer();
    confirmations.onSent([message(2)], 10);
    confirmations.clear();
    expect(timers).toHaveLength(0);
    advance(1_000);
    expect(pings).toHaveLength(1);
  });
});
