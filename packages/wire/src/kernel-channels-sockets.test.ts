import { afterEach, expect, test } from '@jest/globals';
import { observed } from '@gateway-provisioners/core';
import type { KernelConnection } from '@gateway-provisioners/core';
import { KernelChannels } from './kernel-channels.ts';
import { channelsBench, message, request } from './testing/channels-bench.ts';
import type { FakeMessagingRequest } from './testing/fake-messaging-kernel.ts';
import { WatchedEngine } from './testing/watched-engine.ts';

const bench = channelsBench();
const { bind, connect } = bench;
afterEach(bench.clear);

const all = 'control iopub shell stdin';

test('shell and iopub at first, control and stdin with the first client, until relaxed', async () => {
  const engine = new WatchedEngine();
  const kernel = await bind();
  const recorder = connect(kernel, { engine });
  expect(engine.channels).toBe('');
  await recorder.channels.request(message('kernel_info_request'), request);
  expect(engine.channels).toBe('iopub shell');
  recorder.channels.send(message('execute_request'), 'a');
  expect(engine.channels).toBe(all);
  await recorder.until('a reply', () => recorder.lines.includes('shell execute_reply → a'));
  recorder.channels.relax();
  await engine.until('iopub shell');
  await recorder.channels.request(message('interrupt_request', { channel: 'control' }), request);
  recorder.channels.send(message('execute_request'), 'b');
  await recorder.until('a reply', () => recorder.lines.includes('shell execute_reply → b'));
  await recorder.channels[Symbol.asyncDispose]();
  expect(engine.channels).toBe('');
});

test('stdin stays as long as code runs that may ask for input', async () => {
  const engine = new WatchedEngine();
  let running: FakeMessagingRequest | undefined;
  const kernel = await bind({
    onMessage: (asked) => {
      running = asked;
      asked.askForInput('name');
    },
  });
  const recorder = connect(kernel, { engine });
  recorder.channels.send(message('execute_request'), 'a');
  await recorder.received(1);
  recorder.channels.relax();
  await engine.until('iopub shell stdin');
  running?.askForInput('again');
  await recorder.received(2);
  running?.reply('execute_reply');
  await recorder.received(3);
  await engine.until('iopub shell');
  expect(recorder.lines).toEqual(['stdin input_request → a', 'stdin input_request → a', 'shell execute_reply → a']);
});

test('a client that left does not keep stdin open', async () => {
  const engine = new WatchedEngine();
  const kernel = await bind({
    onMessage: ({ askForInput }) => {
      askForInput('name');
    },
  });
  const recorder = connect(kernel, { engine });
  recorder.channels.send(message('execute_request'), 'a');
  await recorder.received(1);
  recorder.channels.relax();
  await engine.until('iopub shell stdin');
  recorder.channels.forgetClient('a');
  await engine.until('iopub shell');
});

test('one call for all that one wake-up brought', async () => {
  const kernel = await bind();
  const recorder = connect(kernel);
  await recorder.channels.open();
  await kernel.sockets.subscribed();
  for (let index = 0; index < 2_000; index += 1) kernel.publish('stream', { text: `${index}` });
  await recorder.received(2_000);
  expect(recorder.routed.map((entry) => Number(entry.message.parseContent()['text']))).toEqual(
    Array.from({ length: 2_000 }, (_, index) => index),
  );
  expect(recorder.batches).toBeLessThan(1_000);
  expect(recorder.channels.counters.receivedMessages).toBe(2_000);
  expect(recorder.channels.counters.receivedBytes).toBeGreaterThan(2_000 * 200);
});

test('a listener that throws harms no socket', async () => {
  const kernel = await bind();
  const errors: Error[] = [];
  const channels = bench.use(
    new KernelChannels({
      connection: observed<KernelConnection>({ info: kernel.connection }),
      onMessages: () => {
        throw new TypeError('listener');
      },
      onError: (error) => errors.push(error),
    }),
  );
  channels.send(message('execute_request'), 'a');
  await channels.request(message('kernel_info_request'), request);
  await channels.request(message('kernel_info_request'), request);
  expect(errors[0]).toMatchObject({ code: 'INTERNAL', message: 'unexpected error: listener' });
});

test('an engine that cannot be had is an error of whoever opens', async () => {
  const kernel = await bind({ curve: true });
  const recorder = connect(kernel, { engine: 'zmtp' });
  await expect(recorder.channels.open()).rejects.toMatchObject({ code: 'ENCRYPTION_UNAVAILABLE' });
  const plain = await bind();
  const other = connect(plain, { engine: 'zmtp' });
  await other.channels.open();
  other.connection.set({ info: kernel.connection });
  expect(other.errors).toMatchObject([{ code: 'ENCRYPTION_UNAVAILABLE' }]);
  expect(other.channels.state.current).toBe('closed');
  other.connection.set({ info: plain.connection });
  await other.channels.open();
});
