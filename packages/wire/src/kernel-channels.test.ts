import { Buffer } from 'node:buffer';
import { afterEach, describe, expect, test } from '@jest/globals';
import { KernelMessage, createMessage } from './kernel-message.ts';
import { joinFrames } from './message-frames.ts';
import { MessageSigner } from './message-signer.ts';
import { channelsBench, message, nowhere, request } from './testing/channels-bench.ts';
import { FakeMessagingKernel } from './testing/fake-messaging-kernel.ts';
import type { FakeMessagingRequest } from './testing/fake-messaging-kernel.ts';

const bench = channelsBench();
const { bind, connect, record } = bench;
afterEach(bench.clear);

describe.each(['zmtp', 'zeromq'] as const)('with %s', (engine) => {
  test('opens, tells its state, and closes', async () => {
    const kernel = await bind();
    const recorder = connect(kernel, { engine });
    const states: string[] = [];
    recorder.channels.state.subscribe((state) => states.push(state));
    await recorder.channels.open();
    await recorder.channels.openAll();
    await recorder.channels[Symbol.asyncDispose]();
    expect(states).toEqual(['connecting', 'open', 'closed']);
    expect(() => {
      recorder.channels.send(message('x_request'), 'a');
    }).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    await expect(recorder.channels.open()).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });

  test('each client gets its answers, all get what is published', async () => {
    const kernel = await bind();
    const recorder = connect(kernel, { engine });
    recorder.channels.send(message('kernel_info_request'), 'a');
    recorder.channels.send(message('execute_request'), 'b');
    recorder.channels.send(message('interrupt_request', { channel: 'control' }), 'a');
    const statuses = (): number => recorder.lines.filter((line) => line === 'iopub status → all').length;
    // The subscription and the other channels were there before anything was sent on shell; control waits for nothing.
    await recorder.until('three answers and what was published', () => {
      const answers = recorder.lines.filter((line) => !line.startsWith('iopub'));
      return answers.length === 3 && statuses() >= 4;
    });
    const shell = recorder.lines.filter((line) => line.startsWith('shell'));
    expect(shell).toEqual(['shell kernel_info_reply → a', 'shell execute_reply → b']);
    expect(recorder.lines.filter((line) => line.startsWith('control'))).toEqual(['control interrupt_reply → a']);
    expect(recorder.errors).toEqual([]);
    expect(recorder.channels.counters).toMatchObject({ badSignatures: 0, replays: 0, malformed: 0, undeliverable: 0 });
  });

  test('input is asked of who runs the code, over one identity', async () => {
    const identities = new Set<string>();
    const waiting = new Map<string, FakeMessagingRequest>();
    const kernel = await bind({
      onMessage: (asked) => {
        identities.add(asked.identity.toString());
        const { msg_type: msgType, session } = asked.message.header;
        if (msgType === 'execute_request') {
          waiting.set(session, asked);
          asked.askForInput(session);
        } else waiting.get(session)?.reply('execute_reply');
      },
    });
    const recorder = connect(kernel, { engine });
    for (const session of ['one', 'two'])
      recorder.channels.send(message('execute_request', { session }), `key-${session}`);
    await recorder.received(2);
    for (const session of ['two', 'one']) {
      recorder.channels.send(message('input_reply', { session, channel: 'stdin' }), `key-${session}`);
    }
    await recorder.received(4);
    expect(recorder.lines.sort()).toEqual([
      'shell execute_reply → key-one',
      'shell execute_reply → key-two',
      'stdin input_request → key-one',
      'stdin input_request → key-two',
    ]);
    expect(identities.size).toBe(1);
  });

  test('requests of our own are answered to us; clients see neither answer nor status', async () => {
    const kernel = await bind();
    const recorder = connect(kernel, { engine });
    await recorder.channels.open();
    await kernel.sockets.subscribed();
    for (const channel of ['shell', 'control'] as const) {
      const reply = await recorder.channels.request(message('kernel_info_request', { channel }), request);
      expect([reply.channel, reply.header.msg_type]).toEqual([channel, 'kernel_info_reply']);
    }
    await recorder.received(4);
    expect(recorder.lines).toEqual(Array.from({ length: 4 }, () => 'iopub status → nobody'));
    expect(recorder.channels.counters.undeliverable).toBe(0);
    kernel.publish('stream', { text: 'hello' });
    await recorder.received(5);
    expect(recorder.lines.at(-1)).toBe('iopub stream → all');
  });

  test('a new connection: all sockets anew, requests in flight fail, clients go on', async () => {
    const silent = await bind({ onMessage: () => undefined });
    const next = await bind();
    const recorder = connect(silent, { engine });
    await recorder.channels.open();
    const lost = recorder.channels.request(message('kernel_info_request'), request);
    recorder.connection.set({ info: next.connection });
    await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await recorder.channels.open();
    recorder.channels.send(message('execute_request'), 'a');
    await recorder.until('a reply', () => recorder.lines.includes('shell execute_reply → a'));
    silent.publish('stream', { text: 'late' });
    await silent.sockets.flushed();
    const reply = await recorder.channels.request(message('kernel_info_request'), request);
    expect(reply.header.msg_type).toBe('kernel_info_reply');
    expect(recorder.lines).not.toContain('iopub stream → all');
  });

  test('a kernel that goes away: lost, and requests in flight fail at once', async () => {
    const kernel = await FakeMessagingKernel.bind({ onMessage: () => undefined });
    const recorder = connect(kernel, { engine });
    await recorder.channels.open();
    const lost = expect(recorder.channels.request(message('kernel_info_request'), request)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
    });
    await kernel[Symbol.asyncDispose]();
    await lost;
    await recorder.until('lost', () => recorder.channels.state.current === 'lost');
  });
});

test('CurveZMQ by the keys of the connection', async () => {
  const kernel = await bind({ curve: true });
  const recorder = connect(kernel);
  const reply = await recorder.channels.request(message('kernel_info_request'), request);
  expect(reply.header.msg_type).toBe('kernel_info_reply');
});

describe('what is refused', () => {
  test('bad signatures, replays and malformed messages are dropped, counted, and told once per burst', async () => {
    const kernel = await bind();
    let now = 1_000_000;
    const clock = { now: () => now, schedule: () => () => undefined };
    const recorder = connect(kernel, { clock });
    await recorder.channels.open({ timeoutMs: Number.POSITIVE_INFINITY });
    await kernel.sockets.subscribed();
    const json = Buffer.from('{}');
    const forged = ['<IDS|MSG>', 'f'.repeat(64)].map((text) => Buffer.from(text)).concat([json, json, json, json]);
    const flood = (): void => {
      for (let index = 0; index < 50; index += 1) {
        kernel.sockets.publish(forged);
        kernel.sockets.publish([Buffer.from('no delimiter')]);
      }
      kernel.publish('stream');
    };
    flood();
    await recorder.received(1);
    expect(recorder.channels.counters).toMatchObject({ badSignatures: 50, malformed: 50, receivedMessages: 1 });
    expect(recorder.errors.map((error) => 'code' in error && error.code)).toEqual(['BAD_SIGNATURE', 'PROTOCOL_ERROR']);
    now += 10_000;
    flood();
    await recorder.received(2);
    expect(recorder.errors.length).toBe(4);
    expect(recorder.lines).toEqual(['iopub stream → all', 'iopub stream → all']);
  });

  test('a message whose header is no object is malformed, however well it is signed', async () => {
    const kernel = await bind();
    const recorder = connect(kernel);
    await recorder.channels.open();
    await kernel.sockets.subscribed();
    const good = message('stream');
    const parts = { ...good.parts, header: Buffer.from('[]') };
    const signature = new MessageSigner(kernel.connection.key).sign(parts);
    kernel.sockets.publish(joinFrames(new KernelMessage({ channel: 'iopub', parts }), signature));
    kernel.publish('stream');
    await recorder.received(1);
    expect(recorder.channels.counters).toMatchObject({ malformed: 1, receivedMessages: 1 });
    expect(recorder.errors.map(String)).toEqual([expect.stringContaining('its header is not a JSON object; dropped')]);
  });

  test('a message that comes twice is delivered once', async () => {
    const received: FakeMessagingRequest[] = [];
    const kernel = await bind({ onMessage: (asked) => received.push(asked) });
    const recorder = connect(kernel);
    await recorder.channels.open();
    await kernel.sockets.subscribed();
    const twice = createMessage({ channel: 'iopub', msgType: 'stream', session: 's' });
    const frames = joinFrames(twice, new MessageSigner(kernel.connection.key).sign(twice.parts));
    for (let count = 0; count < 3; count += 1) kernel.sockets.publish(frames);
    kernel.publish('status');
    await recorder.received(2);
    expect(recorder.lines).toEqual(['iopub stream → all', 'iopub status → all']);
    expect(recorder.channels.counters.replays).toBe(2);
  });

  test('answers to unknown parents go to nobody and are counted', async () => {
    const kernel = await bind({
      onMessage: ({ reply, message: { header } }) => {
        reply('first', { id: header.msg_id });
        reply('second');
      },
    });
    const recorder = connect(kernel);
    recorder.channels.send(message('x_request'), 'unique');
    await recorder.received(2);
    expect(recorder.lines).toEqual(['shell first → unique', 'shell second → nobody']);
    expect(recorder.channels.counters.undeliverable).toBe(1);
  });

  test('nothing can be sent on iopub, and requests go to shell or control', async () => {
    const recorder = connect(await bind());
    expect(() => {
      recorder.channels.send(message('x', { channel: 'iopub' }), 'a');
    }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    await expect(recorder.channels.request(message('x', { channel: 'stdin' }), request)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('more than the bound waits to be sent', () => {
    const recorder = record(nowhere(), { maxQueuedBytes: 2_000 });
    const send = (): void => {
      for (let index = 0; index < 20; index += 1) recorder.channels.send(message('execute_request'), 'a');
    };
    expect(send).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });
});
