import { describe, expect, it } from '@jest/globals';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { Activity } from './activity.ts';

const request = (msgId: string) => createMessage({ channel: 'shell', msgType: 'execute_request', session: 'c', msgId });
const status = (state: string, parent?: KernelMessage) =>
  createMessage({ channel: 'iopub', msgType: 'status', content: { execution_state: state }, session: 'k', parent });

function setUp() {
  const clock = new ManualClock();
  const activity = new Activity(clock, 0);
  const see = (...messages: KernelMessage[]) => {
    for (const message of messages) activity.observe(message);
    return activity.state;
  };
  return { clock, activity, see };
}

describe('Activity', () => {
  it('follows busy and idle, and the time', async () => {
    const { activity, clock, see } = setUp();
    const cell = request('1');
    expect(activity.state).toBe('unknown');
    expect(see(status('starting'))).toBe('starting');
    expect(see(status('busy', cell))).toBe('busy');
    await clock.advance(5_000);
    expect(see(status('idle', cell))).toBe('idle');
    expect(activity.lastActivity).toBe(clock.now());
  });

  it('stays busy with a cell while control requests come and go', () => {
    const { see } = setUp();
    const cell = request('cell');
    const debug = request('debug');
    expect(see(status('busy', cell), status('busy', debug), status('idle', debug))).toBe('busy');
    expect(see(status('idle', cell))).toBe('idle');
  });

  it('does not stay busy for ever when the idle of an answered request was lost', () => {
    const { see } = setUp();
    const lost = request('lost');
    const answer = createMessage({ channel: 'shell', msgType: 'execute_reply', session: 'k', parent: lost });
    const next = request('next');
    expect(see(status('busy', lost), answer, status('busy', next), status('idle', next))).toBe('idle');
  });

  it('believes an idle whose busy it has not seen', () => {
    expect(setUp().see(status('idle', request('x')))).toBe('idle');
  });

  it('prefers what the kernel says to what answers suggest', () => {
    const { activity, see } = setUp();
    activity.settle(true);
    expect(activity.state).toBe('busy');
    activity.settle(false);
    expect(activity.state).toBe('idle');
    activity.settle(true);
    expect(activity.state).toBe('idle');
    see(status('busy', request('1')));
    activity.settle(false);
    expect(activity.state).toBe('busy');
  });

  it('takes content that is not JSON as nothing', () => {
    const { see } = setUp();
    const broken = createMessage({ channel: 'iopub', msgType: 'status', session: 'k' });
    Object.assign(broken.parts, { content: Buffer.from('{') });
    expect(see(broken)).toBe('unknown');
  });

  it('holds on to a bounded number of requests', () => {
    const { see } = setUp();
    for (let n = 0; n < 1_000; n += 1) see(status('busy', request(String(n))));
    for (let n = 1_000 - 256; n < 1_000; n += 1) see(status('idle', request(String(n))));
    expect(see()).toBe('idle');
  });
});
