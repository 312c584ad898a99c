import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { observed } from '@gateway-provisioners/core';
import type { ChannelTransport } from '@gateway-provisioners/core';
import type { ChannelEngine, ChannelSocketState } from './channel-socket.ts';
import type { KernelMessage } from './kernel-message.ts';
import { channelsBench, message, nowhere, request } from './testing/channels-bench.ts';
import type { FakeMessagingRequest } from './testing/fake-messaging-kernel.ts';

const bench = channelsBench();
const { bind, connect, record } = bench;
afterEach(bench.clear);

test('messages sent before the kernel is there arrive in order once it is', async () => {
  const at = nowhere();
  const recorder = record(at);
  const sent: KernelMessage[] = Array.from({ length: 20 }, (_, index) =>
    message('execute_request', { msgId: `${index}` }),
  );
  for (const one of sent) recorder.channels.send(one, 'a');
  const arrived: string[] = [];
  await bind({
    at,
    onMessage: ({ message: { header }, reply }) => {
      arrived.push(header.msg_id);
      reply('execute_reply');
    },
  });
  await recorder.received(20);
  expect(arrived).toEqual(sent.map(({ header }) => header.msg_id));
});

test('a kernel without stdin delays requests, but not for ever', async () => {
  const kernel = await bind();
  let overdue: (() => void) | undefined;
  const clock = {
    now: () => 0,
    schedule: (delayMs: number, callback: () => void) => {
      if (delayMs === 5_000) overdue = callback;
      return () => undefined;
    },
  };
  const refusing: ChannelTransport = {
    connect: async (channel) => {
      const { ip, [`${channel}_port` as const]: port } = kernel.connection;
      const socket = connectTcp(port, ip);
      await once(socket, 'connect');
      if (channel === 'stdin') socket.destroy(new Error('refused'));
      return socket;
    },
  };
  const recorder = connect(kernel, { clock });
  recorder.connection.set({ info: kernel.connection, transport: refusing });
  recorder.channels.send(message('execute_request'), 'a');
  await recorder.until('open', () => recorder.channels.state.current === 'open');
  expect(recorder.lines).toEqual([]);
  overdue?.();
  await recorder.until('a reply', () => recorder.lines.includes('shell execute_reply → a'));
});

test('has a deadline and can be aborted; a late answer is kept from clients', async () => {
  let late: FakeMessagingRequest | undefined;
  const kernel = await bind({
    onMessage: (asked) => {
      const { msg_type: msgType } = asked.message.header;
      if (msgType === 'kernel_info_request') late = asked;
      if (msgType !== 'fence_request') return;
      late?.reply('kernel_info_reply');
      asked.reply('fence_reply');
    },
  });
  const recorder = connect(kernel);
  await recorder.channels.open();
  await expect(recorder.channels.request(message('kernel_info_request'), { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    message: expect.stringContaining("the kernel's answer to kernel_info_request"),
  });
  const controller = new AbortController();
  const aborted = recorder.channels.request(message('x_request'), { ...request, signal: controller.signal });
  controller.abort();
  await expect(aborted).rejects.toMatchObject({ code: 'CANCELLED' });
  const early = recorder.channels.request(message('x_request'), { ...request, signal: controller.signal });
  await expect(early).rejects.toMatchObject({ code: 'CANCELLED' });
  recorder.channels.send(message('fence_request'), 'a');
  await recorder.received(1);
  expect(late).toBeDefined();
  expect(recorder.lines).toEqual(['shell fence_reply → a']);
  expect(recorder.channels.counters).toMatchObject({ undeliverable: 0, receivedMessages: 2 });
});

test('opening a kernel that is not there ends at its deadline', async () => {
  const recorder = record(nowhere());
  await expect(recorder.channels.open({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
});

test('a socket that failed for good ends the wait, with the reason; the next attempt makes a new one', async () => {
  let attempts = 0;
  const failing: ChannelEngine = {
    name: 'zmtp',
    supports: () => true,
    open(options) {
      attempts += 1;
      const state = observed<ChannelSocketState>('connecting');
      queueMicrotask(() => {
        options.onError?.(new Error('no such socket'));
        state.set('closed');
      });
      return {
        state,
        receivedBytes: 0,
        queuedBytes: 0,
        send: () => undefined,
        pause: () => undefined,
        resume: () => undefined,
        [Symbol.asyncDispose]: () => Promise.reject(new Error('already closed')),
      };
    },
  };
  const recorder = record(nowhere(), { engine: failing });
  for (const expected of [2, 4]) {
    await expect(recorder.channels.open()).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      cause: expect.objectContaining({ message: 'no such socket' }),
    });
    expect(recorder.channels.state.current).toBe('closed');
    expect(attempts).toBe(expected);
  }
});

test('closing ends every wait', async () => {
  const recorder = record(nowhere());
  const opening = expect(recorder.channels.open()).rejects.toMatchObject({ code: 'INVALID_STATE' });
  const asking = expect(recorder.channels.request(message('x_request'), request)).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
  });
  await recorder.channels[Symbol.asyncDispose]();
  await Promise.all([opening, asking]);
});
