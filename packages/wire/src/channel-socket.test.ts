import { afterEach, describe, expect, test } from '@jest/globals';
import { ResourceStack, isProvisionerError } from '@gateway-provisioners/core';
import { FakeKernelSockets } from './testing/fake-kernel-sockets.ts';
import type { FakeKernelSocketsOptions } from './testing/fake-kernel-sockets.ts';
import { SocketRecorder, frames } from './testing/socket-recorder.ts';
import type { SocketRecorderOptions } from './testing/socket-recorder.ts';
import { testedEngines } from './testing/tested-engines.ts';

let stack = new ResourceStack();
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

describe.each(testedEngines)('$title', ({ engine, curve }) => {
  async function kernel(options: FakeKernelSocketsOptions = {}): Promise<FakeKernelSockets> {
    return stack.use(await FakeKernelSockets.bind({ curve, ...options }));
  }

  function client(peer: FakeKernelSockets, options: Partial<SocketRecorderOptions> = {}): SocketRecorder {
    return stack.use(new SocketRecorder({ engine, connection: { info: peer.connection }, ...options }));
  }

  test.each(['shell', 'control', 'stdin'] as const)('makes round trips on %s', async (channel) => {
    const seen: string[] = [];
    const peer = await kernel({
      onRequest: (request) => {
        seen.push(request.channel);
        request.reply([...request.frames, Buffer.from('reply')]);
      },
    });
    const dealer = client(peer, { channel });
    dealer.socket.send(frames('one|two'));
    await dealer.received(1);
    dealer.socket.send(frames('three'));
    await dealer.received(2);
    expect(dealer.texts).toEqual(['one|two|reply', 'three|reply']);
    expect(seen).toEqual([channel, channel]);
    expect(dealer.states).toEqual(['open']);
    expect(dealer.errors).toEqual([]);
  });

  test('shows its identity to the peer, whatever its bytes', async () => {
    const identity = Buffer.from([0xff, 0, 1, 0x80, 0x7f, 0xc3]);
    const seen: Buffer[] = [];
    const peer = await kernel({
      onRequest: (request) => {
        seen.push(request.identity);
        request.reply(frames('ok'));
      },
    });
    const dealer = client(peer, { identity });
    dealer.socket.send(frames('x'));
    await dealer.received(1);
    expect(seen).toEqual([identity]);
  });

  test('takes messages that answer no request', async () => {
    const peer = await kernel();
    const dealer = client(peer, { channel: 'stdin', identity: Buffer.from('abc') });
    await dealer.open();
    peer.send('stdin', Buffer.from('abc'), frames('input_request'));
    await dealer.received(1);
    expect(dealer.texts).toEqual(['input_request']);
  });

  test('keeps frames as they are: empty, short, long, and 5,000 of them', async () => {
    const peer = await kernel({
      onRequest: (request) => {
        request.reply(request.frames);
      },
    });
    const dealer = client(peer);
    const many = Array.from({ length: 5000 }, (_, index) => Buffer.from(String(index)));
    const sizes = [0, 1, 254, 255, 256, 8191, 8192, 8193, 65_535, 65_536, 200_000].map((size) =>
      Buffer.alloc(size, size % 251),
    );
    const sent = [[Buffer.alloc(0)], [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(0)], sizes, many];
    for (const message of sent) dealer.socket.send(message);
    await dealer.received(sent.length);
    expect(dealer.messages.map((message) => message.length)).toEqual([1, 3, sizes.length, 5000]);
    dealer.messages.forEach((message, index) => {
      expect(Buffer.concat(message).equals(Buffer.concat(sent[index]!))).toBe(true);
      expect(message.map((frame) => frame.length)).toEqual(sent[index]!.map((frame) => frame.length));
    });
    expect(dealer.socket.receivedBytes).toBe(sent.flat().reduce((total, frame) => total + frame.length, 0));
    expect(dealer.socket.queuedBytes).toBe(0);
  });

  test('keeps the order of many messages both ways', async () => {
    const peer = await kernel({
      onRequest: (request) => {
        request.reply(request.frames);
      },
    });
    const dealer = client(peer);
    const sent = Array.from({ length: 3000 }, (_, index) => `n${index}`);
    for (const text of sent) dealer.socket.send(frames(text));
    await dealer.received(sent.length);
    expect(dealer.texts).toEqual(sent);
  });

  test('never forgets a message that is sent while another one is leaving', async () => {
    const peer = await kernel({
      onRequest: (request) => {
        request.reply(request.frames);
      },
    });
    const dealer = client(peer);
    await dealer.open();
    for (let turns = 0; turns < 20; turns += 1) {
      dealer.socket.send(frames('one'));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      dealer.socket.send(frames('two'));
      await dealer.received(2 * (turns + 1));
    }
  });

  test('loses nothing of a flood of 20,000 messages on iopub, and takes many per turn', async () => {
    const peer = await kernel();
    const iopub = client(peer, { channel: 'iopub' });
    await peer.subscribed();
    const count = 20_000;
    for (let index = 0; index < count; index += 1) peer.publish([Buffer.from(`t`), Buffer.from(String(index))]);
    await iopub.received(count);
    expect(iopub.messages.every((message, index) => message[1]?.toString() === String(index))).toBe(true);
    expect(iopub.batches).toBeLessThan(count / 4);
  });

  test.each(['PUB', 'XPUB'] as const)('receives from a %s', async (type) => {
    const peer = await kernel({ iopub: type });
    const iopub = client(peer, { channel: 'iopub' });
    await iopub.open();
    // A PUB does not tell when it has taken the subscription.
    while (iopub.messages.length === 0) {
      peer.publish(frames('topic|output'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(iopub.texts[0]).toBe('topic|output');
  });

  test('carries a message of 50 MB', async () => {
    const peer = await kernel({
      onRequest: (request) => {
        request.reply(request.frames);
      },
    });
    const dealer = client(peer);
    const big = Buffer.alloc(50 * 1024 * 1024);
    for (let at = 0; at < big.length; at += 4096) big.writeUInt32LE(at, at);
    dealer.socket.send([Buffer.from('head'), big]);
    await dealer.received(1);
    expect(dealer.messages[0]?.[1]?.equals(big)).toBe(true);
    expect(dealer.socket.receivedBytes).toBe(big.length + 4);
  });

  test('does not deliver a message beyond its limit, and says so or drops the connection', async () => {
    const peer = await kernel();
    const dealer = client(peer, { maxMessageBytes: 10_000 });
    await dealer.open();
    peer.send('shell', Buffer.from('client-1'), [Buffer.alloc(10_000)]);
    await dealer.received(1);
    peer.send('shell', Buffer.from('client-1'), [Buffer.alloc(10_001)]);
    await dealer.until('lost or an error', () => dealer.errors.length > 0 || dealer.states.includes('lost'));
    expect(dealer.messages).toHaveLength(1);
    for (const error of dealer.errors) expect(isProvisionerError(error, 'MESSAGE_TOO_LARGE')).toBe(true);
    // libzmq breaks such a connection without a word.
    if (engine.name === 'zmtp') expect(dealer.errors).toHaveLength(1);
  });

  test('counts a message of several frames against the limit as a whole', async () => {
    const peer = await kernel();
    const dealer = client(peer, { maxMessageBytes: 10_000 });
    await dealer.open();
    peer.send('shell', Buffer.from('client-1'), [Buffer.alloc(6_000), Buffer.alloc(6_000)]);
    expect(await dealer.failed()).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(dealer.messages).toEqual([]);
  });

  test('refuses to queue beyond its limit, and takes more when there is room again', async () => {
    const peer = await kernel({
      onRequest: (request) => {
        request.reply(request.frames);
      },
    });
    const dealer = client(peer, { maxQueuedBytes: 1000 });
    dealer.socket.send([Buffer.alloc(600)]);
    expect(() => {
      dealer.socket.send([Buffer.alloc(300), Buffer.alloc(101)]);
    }).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    expect(dealer.socket.queuedBytes).toBe(600);
    dealer.socket.send([Buffer.alloc(400)]);
    expect(dealer.socket.queuedBytes).toBe(1000);
    await dealer.received(2);
    expect(dealer.socket.queuedBytes).toBe(0);
    dealer.socket.send([Buffer.alloc(1000)]);
    await dealer.received(3);
  });

  test('refuses what cannot be sent', async () => {
    const peer = await kernel();
    const iopub = client(peer, { channel: 'iopub' });
    expect(() => {
      iopub.socket.send(frames('x'));
    }).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    const dealer = client(peer);
    expect(() => {
      dealer.socket.send([]);
    }).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });

  test('stops delivering while paused and goes on where it stopped', async () => {
    const peer = await kernel();
    const iopub = client(peer, { channel: 'iopub' });
    const witness = client(peer, { channel: 'iopub' });
    await peer.subscribed(2);
    iopub.socket.pause();
    const count = 2000;
    for (let index = 0; index < count; index += 1) peer.publish([Buffer.from(String(index)), Buffer.alloc(5000)]);
    await witness.received(count);
    // What was on its way when we paused may come; the rest must wait.
    expect(iopub.messages.length).toBeLessThan(100);
    iopub.socket.resume();
    await iopub.received(count);
    expect(iopub.messages.every((message, index) => message[0]?.toString() === String(index))).toBe(true);
  });

  test('stays paused over the handshake', async () => {
    const peer = await kernel();
    const dealer = client(peer);
    dealer.socket.pause();
    await dealer.open();
    dealer.socket.send(frames('x'));
    peer.send('shell', Buffer.from('client-1'), frames('first'));
    await peer.flushed();
    dealer.socket.resume();
    await dealer.received(1);
    expect(dealer.texts).toEqual(['first']);
  });

  test('goes over unix sockets', async () => {
    const peer = await kernel({
      transport: 'ipc',
      onRequest: (request) => {
        request.reply(request.frames);
      },
    });
    const dealer = client(peer);
    dealer.socket.send(frames('over ipc'));
    await dealer.received(1);
    expect(dealer.texts).toEqual(['over ipc']);
  });

  test('goes over IPv6', async () => {
    const peer = await kernel({
      ip: '::1',
      onRequest: (request) => {
        request.reply(request.frames);
      },
    });
    const dealer = client(peer);
    dealer.socket.send(frames('over IPv6'));
    await dealer.received(1);
    expect(dealer.texts).toEqual(['over IPv6']);
  });

  test('finds a kernel by a host name', async () => {
    const peer = await kernel({
      onRequest: (request) => {
        request.reply(request.frames);
      },
    });
    const dealer = client(peer, { connection: { info: { ...peer.connection, ip: 'localhost' } } });
    dealer.socket.send(frames('by name'));
    await dealer.received(1);
  });

  test.each([
    ['shell_port', 0],
    ['shell_port', 70_000],
    ['shell_port', 1.5],
    ['ip', ''],
  ])('refuses a connection whose %s is %p', async (key, value) => {
    const peer = await kernel();
    expect(() => client(peer, { connection: { info: { ...peer.connection, [key]: value } } })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONNECTION_INFO' }),
    );
  });

  test.each([0, 256])('refuses an identity of %i bytes', async (length) => {
    const peer = await kernel();
    expect(() => client(peer, { identity: Buffer.alloc(length, 1) })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});
