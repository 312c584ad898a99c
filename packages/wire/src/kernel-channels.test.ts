import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ResourceStack, observed, withDeadline } from '@gateway-provisioners/core';
import type { ChannelName, ChannelTransport, ConnectionInfo, KernelConnection } from '@gateway-provisioners/core';
import type { ChannelEngine, ChannelSocket, ChannelSocketOptions, ChannelSocketState } from './channel-socket.ts';
import { KernelChannels } from './kernel-channels.ts';
import { KernelMessage, createMessage } from './kernel-message.ts';
import { joinFrames } from './message-frames.ts';
import { MessageSigner } from './message-signer.ts';
import { FakeMessagingKernel } from './testing/fake-messaging-kernel.ts';
import type { FakeMessagingKernelOptions, FakeMessagingRequest } from './testing/fake-messaging-kernel.ts';
import { RoutedRecorder } from './testing/routed-recorder.ts';
import { createZmtpEngine } from './zmtp/zmtp-engine.ts';

let stack = new ResourceStack();
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

/** Answers like a kernel: busy, reply, idle. */
function answering(request: FakeMessagingRequest, kernel: FakeMessagingKernel): void {
  const { message } = request;
  kernel.publish('status', { execution_state: 'busy' }, message);
  request.reply(message.header.msg_type.replace('_request', '_reply'), { status: 'ok' });
  kernel.publish('status', { execution_state: 'idle' }, message);
}

async function bind(options: FakeMessagingKernelOptions = {}): Promise<FakeMessagingKernel> {
  return stack.use(await FakeMessagingKernel.bind({ onMessage: answering, ...options }));
}

type RecorderOptions = ConstructorParameters<typeof RoutedRecorder>[1];

function connect(kernel: FakeMessagingKernel, options?: RecorderOptions): RoutedRecorder {
  return stack.use(new RoutedRecorder(kernel.connection, options));
}

function message(msgType: string, options: { channel?: ChannelName; session?: string; msgId?: string } = {}) {
  return createMessage({ channel: 'shell', session: '', msgType, ...options });
}

/** The address of a kernel that is not there (yet). */
function nowhere(): ConnectionInfo {
  const ports = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5 };
  const ip = join(tmpdir(), `gp-nowhere-${randomUUID()}`);
  return { transport: 'ipc', ip, ...ports, key: 'a-key', signature_scheme: 'hmac-sha256' };
}

const request = { timeoutMs: 10_000 };

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
    await recorder.received(9);
    const shell = recorder.lines.filter((line) => line.startsWith('shell'));
    expect(shell).toEqual(['shell kernel_info_reply → a', 'shell execute_reply → b']);
    expect(recorder.lines.filter((line) => line.startsWith('control'))).toEqual(['control interrupt_reply → a']);
    // The subscription and the other channels were there before anything was sent on shell.
    expect(recorder.lines.filter((line) => line === 'iopub status → all').length).toBeGreaterThanOrEqual(4);
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
    const recorder = stack.use(new RoutedRecorder(nowhere(), { maxQueuedBytes: 2_000 }));
    const send = (): void => {
      for (let index = 0; index < 20; index += 1) recorder.channels.send(message('execute_request'), 'a');
    };
    expect(send).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });
});

describe('waiting', () => {
  test('messages sent before the kernel is there arrive in order once it is', async () => {
    const at = nowhere();
    const recorder = stack.use(new RoutedRecorder(at));
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
    const recorder = stack.use(new RoutedRecorder(kernel.connection, { clock }));
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
    const recorder = stack.use(new RoutedRecorder(nowhere()));
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
    const recorder = stack.use(new RoutedRecorder(nowhere(), { engine: failing }));
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
    const recorder = stack.use(new RoutedRecorder(nowhere()));
    const opening = expect(recorder.channels.open()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    const asking = expect(recorder.channels.request(message('x_request'), request)).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
    });
    await recorder.channels[Symbol.asyncDispose]();
    await Promise.all([opening, asking]);
  });
});

describe('sockets', () => {
  /** An engine that tells which channels are open. */
  class WatchedEngine implements ChannelEngine {
    readonly name = 'zmtp';
    readonly #zmtp = createZmtpEngine();
    readonly #open = new Set<string>();
    readonly #waiting = new Set<() => void>();

    supports(): boolean {
      return true;
    }

    open(options: ChannelSocketOptions): ChannelSocket {
      const socket = this.#zmtp.open(options);
      this.#open.add(options.channel);
      socket.state.subscribe((state) => {
        if (state === 'closed') this.#open.delete(options.channel);
        for (const wake of this.#waiting) wake();
      });
      return socket;
    }

    get channels(): string {
      return [...this.#open].sort().join(' ');
    }

    /** Settles when exactly these are open. */
    async until(channels: string): Promise<void> {
      await withDeadline({ what: `only ${channels} open`, timeoutMs: 10_000 }, async () => {
        while (this.channels !== channels) await new Promise<void>((resolve) => this.#waiting.add(resolve));
      });
    }
  }

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
    const channels = stack.use(
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
});
