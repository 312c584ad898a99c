import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import type { ChannelName, JsonObject } from '@gateway-provisioners/core';
import { InternalRequests, lostError } from './internal-requests.ts';
import { KernelMessage, createMessage } from './kernel-message.ts';

function request(channel: ChannelName = 'shell'): KernelMessage {
  return createMessage({ channel, msgType: 'kernel_info_request', session: 's' });
}

function from(parent: KernelMessage, channel: ChannelName, options: { msgType?: string; content?: JsonObject } = {}) {
  const { msgType = 'kernel_info_reply', content } = options;
  return createMessage({ channel, msgType, session: 'k', parent, content });
}

const status = (parent: KernelMessage, state: string) =>
  from(parent, 'iopub', { msgType: 'status', content: { execution_state: state } });

describe('InternalRequests', () => {
  test('answer and status in either order; then it is forgotten', async () => {
    for (const idleFirst of [true, false]) {
      const requests = new InternalRequests();
      const asked = request();
      const reply = requests.add(asked);
      const [answer, idle] = [from(asked, 'shell'), status(asked, 'idle')];
      expect(requests.take(status(asked, 'busy'), 0)).toBe(true);
      for (const message of idleFirst ? [idle, answer] : [answer, idle]) expect(requests.take(message, 0)).toBe(true);
      expect(requests.isEmpty).toBe(true);
      expect(requests.take(idle, 0)).toBe(false);
      await expect(reply).resolves.toBe(answer);
    }
  });

  test('messages of others, or without a parent, are not taken', () => {
    const requests = new InternalRequests();
    void requests.add(request());
    expect(requests.take(from(request(), 'shell'), 0)).toBe(false);
    expect(requests.take(request(), 0)).toBe(false);
  });

  test('status without readable content changes nothing', async () => {
    const requests = new InternalRequests();
    const asked = request();
    const reply = requests.add(asked);
    expect(requests.take(from(asked, 'iopub', { msgType: 'status' }), 0)).toBe(true);
    const parts = { ...status(asked, 'idle').parts, content: Buffer.from('{') };
    expect(requests.take(new KernelMessage({ channel: 'iopub', parts }), 0)).toBe(true);
    requests.take(from(asked, 'shell'), 0);
    await reply;
    expect(requests.isEmpty).toBe(false);
  });

  test('is forgotten a minute after the answer when the kernel never says idle', () => {
    const requests = new InternalRequests();
    const asked = request();
    void requests.add(asked);
    requests.prune(1e12);
    expect(requests.isEmpty).toBe(false);
    requests.take(from(asked, 'shell'), 1_000);
    requests.prune(60_999);
    expect(requests.isEmpty).toBe(false);
    requests.prune(61_000);
    expect(requests.isEmpty).toBe(true);
  });

  test('fails those of one channel, or all', async () => {
    const requests = new InternalRequests();
    const shell = requests.add(request());
    const control = requests.add(request('control'));
    requests.failAll(lostError('the shell channel was lost'), { channel: 'shell', now: 0 });
    await expect(shell).rejects.toThrow('the shell channel was lost; the answer can no longer come');
    expect(requests.isWaitingOn('shell')).toBe(false);
    expect(requests.isWaitingOn('control')).toBe(true);
    requests.failAll(lostError('closed'), { now: 0 });
    await expect(control).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });

  test('many that are over do not pile up', () => {
    const requests = new InternalRequests();
    const first = request();
    void requests.add(first);
    requests.take(from(first, 'shell'), 0);
    for (let index = 0; index < 64; index += 1) void requests.add(request());
    expect(requests.take(status(first, 'idle'), 0)).toBe(false);
  });
});
