import { readdir } from 'node:fs/promises';
import { platform } from 'node:os';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import { until } from '@gateway-provisioners/core/testing';
import { FakeKernelSockets } from './testing/fake-kernel-sockets.ts';
import type { FakeKernelSocketsOptions } from './testing/fake-kernel-sockets.ts';
import { RawPublisher } from './testing/raw-publisher.ts';
import { SocketRecorder, frames } from './testing/socket-recorder.ts';
import type { SocketRecorderOptions } from './testing/socket-recorder.ts';
import { testedEngines } from './testing/tested-engines.ts';
import { TcpProxy } from './testing/tcp-proxy.ts';
import { createZeromqEngine } from './zeromq/zeromq-engine.ts';
import { createZmtpEngine } from './zmtp/zmtp-engine.ts';

let stack = new ResourceStack();
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

describe.each(testedEngines)('$title', ({ engine, curve }) => {
  async function kernel(options: FakeKernelSocketsOptions = {}): Promise<FakeKernelSockets> {
    return stack.use(
      await FakeKernelSockets.bind({
        curve,
        onRequest: (request) => {
          request.reply(request.frames);
        },
        ...options,
      }),
    );
  }

  function client(info: ConnectionInfo, options: Partial<SocketRecorderOptions> = {}): SocketRecorder {
    return stack.use(new SocketRecorder({ engine, connection: { info }, ...options }));
  }

  test('waits for a kernel that does not listen yet, quietly, and then sends what was queued', async () => {
    const gone = await FakeKernelSockets.bind({ curve });
    await gone[Symbol.asyncDispose]();
    const dealer = client(gone.connection);
    const iopub = client(gone.connection, { channel: 'iopub' });
    for (let index = 0; index < 100; index += 1) dealer.socket.send(frames(`queued ${index}`));
    expect(dealer.socket.queuedBytes).toBe(890);
    const peer = await kernel({ at: gone.connection });
    await dealer.received(100);
    await iopub.open();
    expect(dealer.texts).toEqual(Array.from({ length: 100 }, (_, index) => `queued ${index}`));
    expect(dealer.states).toEqual(['open']);
    expect(dealer.errors).toEqual([]);
    await peer.subscribed();
  });

  test('waits for a unix socket that is not there yet', async () => {
    const gone = await FakeKernelSockets.bind({ curve, transport: 'ipc' });
    await gone[Symbol.asyncDispose]();
    const dealer = client(gone.connection);
    dealer.socket.send(frames('hello'));
    await kernel({ at: gone.connection });
    await dealer.received(1);
    expect(dealer.errors).toEqual([]);
  });

  test('survives a restart of its peer: reconnects, subscribes again, sends what was queued meanwhile', async () => {
    const first = await kernel();
    const dealer = client(first.connection);
    const iopub = client(first.connection, { channel: 'iopub' });
    await first.subscribed();
    dealer.socket.send(frames('one'));
    await dealer.received(1);
    first.publish(frames('out one'));
    await iopub.received(1);

    await first[Symbol.asyncDispose]();
    await dealer.until('lost', () => dealer.states.includes('lost'));
    await iopub.until('lost', () => iopub.states.includes('lost'));
    dealer.socket.send(frames('two'));

    const second = await kernel({ at: first.connection });
    await dealer.received(2);
    await second.subscribed();
    second.publish(frames('out two'));
    await iopub.received(2);
    expect(dealer.texts).toEqual(['one', 'two']);
    expect(iopub.texts).toEqual(['out one', 'out two']);
    expect(dealer.states).toEqual(['open', 'lost', 'open']);
    expect(dealer.socket.receivedBytes).toBe(6);
  });

  test('says at once that its peer vanished, and comes back with the same identity', async () => {
    const peer = await kernel();
    const proxy = stack.use(await TcpProxy.listen(peer.connection.shell_port));
    const dealer = client({ ...peer.connection, shell_port: proxy.port });
    dealer.socket.send(frames('one'));
    await dealer.received(1);
    for (let round = 1; round <= 5; round += 1) {
      proxy.cut();
      await dealer.until('lost', () => dealer.states.filter((state) => state === 'lost').length === round);
      dealer.socket.send(frames(`round ${round}`));
      await dealer.received(1 + round);
    }
    expect(dealer.texts.at(-1)).toBe('round 5');
    peer.send('shell', Buffer.from('client-1'), frames('unasked'));
    await dealer.received(7);
    expect(proxy.connections).toBeGreaterThanOrEqual(6);
  });

  test('disposal lets queued messages leave', async () => {
    const seen: string[] = [];
    let resolveLast = (): void => undefined;
    const last = new Promise<void>((resolve) => (resolveLast = resolve));
    const peer = await kernel({
      onRequest: (request) => {
        seen.push(request.frames.join('|'));
        if (seen.length === 500) resolveLast();
        request.reply(request.frames);
      },
    });
    // Long, for a machine that is busy.
    const dealer = client(peer.connection, {
      engine:
        engine.name === 'zmtp' ? createZmtpEngine({ lingerMs: 10_000 }) : createZeromqEngine({ lingerMs: 10_000 }),
    });
    await dealer.open();
    for (let index = 0; index < 500; index += 1) dealer.socket.send([Buffer.from(String(index)), Buffer.alloc(1000)]);
    await dealer.socket[Symbol.asyncDispose]();
    await last;
    expect(seen).toHaveLength(500);
    expect(dealer.socket.state.current).toBe('closed');
    expect(dealer.socket.queuedBytes).toBe(0);
  });

  test('disposal does not wait for a peer that is not there', async () => {
    const gone = await FakeKernelSockets.bind({ curve });
    await gone[Symbol.asyncDispose]();
    // Longer than this test may take.
    const lingerMs = 3_600_000;
    const dealer = client(gone.connection, {
      engine: engine.name === 'zmtp' ? createZmtpEngine({ lingerMs }) : createZeromqEngine({ lingerMs }),
    });
    dealer.socket.send([Buffer.alloc(1_000_000)]);
    await dealer.socket[Symbol.asyncDispose]();
    expect(dealer.states).toEqual(['closed']);
  });

  test('disposal in the first instant and again is quiet', async () => {
    const peer = await kernel();
    const dealer = client(peer.connection);
    const first = dealer.socket[Symbol.asyncDispose]();
    const second = dealer.socket[Symbol.asyncDispose]();
    await Promise.all([first, second]);
    expect(dealer.socket.state.current).toBe('closed');
    expect(dealer.errors).toEqual([]);
    expect(() => {
      dealer.socket.send(frames('late'));
    }).toThrow(expect.objectContaining({ code: 'INVALID_STATE' }));
    dealer.socket.pause();
    dealer.socket.resume();
  });

  test('may be disposed of by the receiver of a message', async () => {
    const peer = await kernel();
    let disposal: Promise<void> | undefined;
    const dealer = client(peer.connection, {
      onMessages: () => {
        disposal ??= dealer.socket[Symbol.asyncDispose]();
      },
    });
    dealer.socket.send(frames('x'));
    await dealer.until('closed', () => dealer.socket.state.current === 'closed');
    await disposal;
  });

  test('delivers nothing after its disposal', async () => {
    const peer = await kernel();
    const iopub = client(peer.connection, { channel: 'iopub' });
    await peer.subscribed();
    for (let index = 0; index < 5000; index += 1) peer.publish([Buffer.alloc(500)]);
    await iopub.received(10);
    await iopub.socket[Symbol.asyncDispose]();
    const { length } = iopub.messages;
    await peer.flushed();
    await new Promise((resolve) => setImmediate(resolve));
    expect(iopub.messages).toHaveLength(length);
  });

  (platform() === 'linux' ? test : test.skip)('leaves no descriptor behind over 200 sockets', async () => {
    const peer = await kernel();
    const cycle = async (): Promise<void> => {
      const dealer = client(peer.connection);
      const iopub = client(peer.connection, { channel: 'iopub' });
      dealer.socket.send(frames('x'));
      await dealer.received(1);
      await iopub.open();
      await Promise.all([dealer.socket[Symbol.asyncDispose](), iopub.socket[Symbol.asyncDispose]()]);
    };
    for (let index = 0; index < 5; index += 1) await cycle();
    const before = await settledDescriptors();
    for (let index = 0; index < 100; index += 1) await cycle();
    // libzmq's threads close theirs in their own time.
    await until('descriptors to be closed', async () => (await openDescriptors()) <= before + 5);
  });
});

test.each([
  ['zmtp', createZmtpEngine()],
  ['zeromq with a bound', createZeromqEngine({ receiveHighWaterMark: 100 })],
])('a paused socket makes its peer wait and uses no memory for it (%s)', async (_name, engine) => {
  const publisher = stack.use(await RawPublisher.listen());
  const peer = stack.use(await FakeKernelSockets.bind());
  const iopub = stack.use(
    new SocketRecorder({
      engine,
      connection: { info: { ...peer.connection, iopub_port: publisher.port } },
      channel: 'iopub',
    }),
  );
  await publisher.subscribed();
  iopub.socket.pause();
  const count = 10_000;
  const written = publisher.write(RawPublisher.encode([[Buffer.alloc(10_000)]]), count).then(() => 'written');
  const stalled = publisher.stalled().then(() => 'stalled');
  // 100 MB do not fit the system's buffers: the peer has to wait.
  await expect(Promise.race([written, stalled])).resolves.toBe('stalled');
  expect(iopub.socket.receivedBytes).toBeLessThan(10_000_000);
  iopub.socket.resume();
  await iopub.received(count);
  expect(iopub.socket.receivedBytes).toBe(count * 10_000);
  await expect(written).resolves.toBe('written');
});

async function openDescriptors(): Promise<number> {
  return (await readdir('/proc/self/fd')).length;
}

/** How many are open once their number stays the same for a moment. */
async function settledDescriptors(): Promise<number> {
  let last = -1;
  await until('a steady number of descriptors', async () => {
    const before = last;
    last = await openDescriptors();
    return last === before;
  });
  return last;
}
