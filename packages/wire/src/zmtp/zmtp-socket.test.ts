import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { ChannelTransport, Clock } from '@gateway-provisioners/core';
import { FakeKernelSockets } from '../testing/fake-kernel-sockets.ts';
import { relay } from '../testing/relay.ts';
import { ScriptedPeer } from '../testing/scripted-peer.ts';
import { SocketRecorder, frames } from '../testing/socket-recorder.ts';
import { encodeCommand, encodeMetadata } from './command.ts';
import { directTransport } from './dial.ts';
import { encodeGreeting } from './greeting.ts';
import { createZmtpEngine } from './zmtp-engine.ts';

let stack = new ResourceStack();
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

const engine = createZmtpEngine();
const handshake = Buffer.concat([
  encodeGreeting(),
  encodeCommand('READY', encodeMetadata({ 'Socket-Type': Buffer.from('ROUTER') })),
]);

/** A clock that a test turns. */
function manualClock(): Clock & { readonly delays: number[]; runNext(): void } {
  const timers: { at: number; callback: () => void }[] = [];
  let now = 0;
  const delays: number[] = [];
  return {
    delays,
    now: () => now,
    schedule: (delayMs, callback) => {
      const timer = { at: now + delayMs, callback };
      delays.push(delayMs);
      timers.push(timer);
      return () => {
        const index = timers.indexOf(timer);
        if (index >= 0) timers.splice(index, 1);
      };
    },
    runNext: () => {
      timers.sort((a, b) => a.at - b.at);
      const timer = timers.shift();
      if (timer === undefined) throw new Error('nothing is scheduled');
      now = timer.at;
      timer.callback();
    },
  };
}

/** Lets the clock run through one attempt after the other for so long. */
async function untilOutage(clock: ReturnType<typeof manualClock>, outageMs: number): Promise<void> {
  const start = clock.now();
  const isRetry = (delayMs: number): boolean => delayMs <= 250;
  let retries = 0;
  while (clock.now() - start < outageMs) {
    await new Promise((resolve) => setImmediate(resolve));
    const scheduled = clock.delays.filter(isRetry).length;
    if (scheduled > retries) clock.runNext();
    retries = scheduled;
  }
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("a transport of the connection's own", () => {
  test('carries all channels, and is told which', async () => {
    const peer = stack.use(
      await FakeKernelSockets.bind({
        onRequest: (request) => {
          request.reply(request.frames);
        },
      }),
    );
    const asked: string[] = [];
    const direct = directTransport(peer.connection);
    const transport: ChannelTransport = {
      connect: async (channel, options) => {
        asked.push(channel);
        return await direct.connect(channel, options);
      },
    };
    // Ports that nobody could dial: only the transport counts.
    const connection = { info: { ...peer.connection, ip: '', shell_port: 0, iopub_port: 0 }, transport };
    const dealer = stack.use(new SocketRecorder({ engine, connection }));
    const iopub = stack.use(new SocketRecorder({ engine, connection, channel: 'iopub' }));
    dealer.socket.send(frames('through'));
    await dealer.received(1);
    await peer.subscribed();
    peer.publish(frames('out'));
    await iopub.received(1);
    expect(asked.sort()).toEqual(['iopub', 'shell']);
  });

  test('works over a stream that is no socket, in chunks of one byte', async () => {
    const peer = stack.use(
      await FakeKernelSockets.bind({
        onRequest: (request) => {
          request.reply(request.frames);
        },
      }),
    );
    const transport: ChannelTransport = {
      connect: async (channel, options) => {
        const inner = await directTransport(peer.connection).connect(channel, options);
        return relay(inner, (chunk) => Array.from(chunk, (byte) => Buffer.from([byte])));
      },
    };
    const dealer = stack.use(new SocketRecorder({ engine, connection: { info: peer.connection, transport } }));
    dealer.socket.send([Buffer.from('x'), Buffer.alloc(20_000, 'y')]);
    await dealer.received(1);
    expect(dealer.messages[0]?.[1]?.equals(Buffer.alloc(20_000, 'y'))).toBe(true);
  });

  test('that fails is reported once and asked again, ever more slowly', async () => {
    const clock = manualClock();
    let attempts = 0;
    const transport: ChannelTransport = {
      connect: () => {
        attempts += 1;
        return Promise.reject(new Error('tunnel is down'));
      },
    };
    const dealer = stack.use(
      new SocketRecorder({
        engine: createZmtpEngine({ random: () => 0.5, connectTimeoutMs: 15_000 }),
        connection: { info: (await idlePeer()).connection, transport },
        clock,
      }),
    );
    await untilOutage(clock, 10_000);
    const retries = clock.delays.filter((delayMs) => delayMs < 15_000);
    expect(retries.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 10));
    expect(retries[20]).toBeCloseTo(10);
    expect(retries[40]).toBeGreaterThan(20);
    expect(retries.at(-1)).toBe(250);
    expect(attempts).toBeGreaterThan(80);
    expect(attempts).toBeLessThan(120);
    expect(dealer.errors.map((error) => error.message)).toEqual([expect.stringContaining('tunnel is down')]);
  });

  test('whose peer hangs up after each handshake is asked ever more slowly too', async () => {
    const clock = manualClock();
    let attempts = 0;
    const transport: ChannelTransport = {
      connect: () => {
        attempts += 1;
        const stream = new Duplex({
          read: () => undefined,
          write: (_chunk, _encoding, done) => {
            done();
          },
        });
        stream.push(handshake);
        stream.push(null);
        return Promise.resolve(stream);
      },
    };
    const dealer = stack.use(
      new SocketRecorder({
        engine: createZmtpEngine({ random: () => 0.5 }),
        connection: { info: (await idlePeer()).connection, transport },
        clock,
      }),
    );
    await untilOutage(clock, 10_000);
    expect(attempts).toBeLessThan(120);
    expect(dealer.states).toContain('open');
  });

  test('that throws instead of rejecting is an error as well', async () => {
    const transport: ChannelTransport = {
      connect: () => {
        throw new Error('no tunnel');
      },
    };
    const dealer = stack.use(
      new SocketRecorder({ engine, connection: { info: (await idlePeer()).connection, transport } }),
    );
    expect((await dealer.failed()).message).toContain('no tunnel');
  });

  test('that never answers: deadline; and what it gives too late is destroyed', async () => {
    const late: Duplex[] = [];
    let give: (() => void) | undefined;
    const transport: ChannelTransport = {
      connect: () =>
        new Promise((resolve) => {
          give ??= () => {
            const stream = new Duplex({ read: () => undefined, write: () => undefined });
            late.push(stream);
            resolve(stream);
          };
        }),
    };
    const dealer = stack.use(
      new SocketRecorder({
        engine: createZmtpEngine({ connectTimeoutMs: 20 }),
        connection: { info: (await idlePeer()).connection, transport },
      }),
    );
    expect(await dealer.failed()).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    give?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(late[0]?.destroyed).toBe(true);
  });

  test('is aborted by disposal, and what it gives then is destroyed', async () => {
    let signal: AbortSignal | undefined;
    let give: ((stream: Duplex) => void) | undefined;
    const transport: ChannelTransport = {
      connect: (_channel, options) => {
        signal = options.signal;
        return new Promise((resolve) => (give = resolve));
      },
    };
    const dealer = new SocketRecorder({ engine, connection: { info: (await idlePeer()).connection, transport } });
    await dealer.socket[Symbol.asyncDispose]();
    expect(signal?.aborted).toBe(true);
    const stream = new Duplex({ read: () => undefined });
    give?.(stream);
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.destroyed).toBe(true);
    expect(dealer.errors).toEqual([]);
    expect(dealer.states).toEqual(['closed']);
  });

  test('whose stream ends, errors or is destroyed leads to another', async () => {
    const endings: ((stream: Duplex) => void)[] = [
      (stream) => stream.push(null),
      (stream) => stream.destroy(new Error('cut')),
      (stream) => stream.destroy(),
    ];
    const streams: Duplex[] = [];
    const transport: ChannelTransport = {
      connect: () => {
        const stream = new Duplex({
          read: () => undefined,
          write: (_chunk, _encoding, done) => {
            done();
          },
        });
        streams.push(stream);
        stream.push(handshake);
        return Promise.resolve(stream);
      },
    };
    const dealer = stack.use(
      new SocketRecorder({ engine, connection: { info: (await idlePeer()).connection, transport } }),
    );
    for (const [index, end] of endings.entries()) {
      await dealer.until('open', () => dealer.states.filter((state) => state === 'open').length === index + 1);
      end(streams[index]!);
      await dealer.until('lost', () => dealer.states.filter((state) => state === 'lost').length === index + 1);
    }
    expect(dealer.errors).toEqual([]);
  });
});

test('says how many messages were on their way when the connection broke, and keeps the others', async () => {
  const written: string[] = [];
  let attempt = 0;
  let stuck: Duplex | undefined;
  const transport: ChannelTransport = {
    connect: () => {
      attempt += 1;
      const isFirst = attempt === 1;
      const stream = new Duplex({
        read: () => undefined,
        write: (chunk: Buffer, _encoding, done) => {
          // The handshake passes; of the first connection's messages none ever does.
          if (isFirst && chunk.includes('message')) stuck = stream;
          else {
            written.push(chunk.toString('latin1'));
            done();
          }
        },
      });
      stream.push(handshake);
      return Promise.resolve(stream);
    },
  };
  const dealer = stack.use(
    new SocketRecorder({ engine, connection: { info: (await idlePeer()).connection, transport } }),
  );
  await dealer.open();
  dealer.socket.send(frames('message 1'));
  dealer.socket.send(frames('message 2'));
  await Promise.resolve();
  dealer.socket.send(frames('message 3'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(dealer.socket.queuedBytes).toBe(27);
  stuck?.destroy();
  const error = await dealer.failed();
  expect(error).toMatchObject({ code: 'CONNECTION_LOST' });
  expect(error.message).toContain('2 messages');
  await dealer.until('open again', () => dealer.states.filter((state) => state === 'open').length === 2);
  await dealer.until('sent', () => dealer.socket.queuedBytes === 0);
  expect(written.join('')).toContain('message 3');
  expect(written.join('')).not.toContain('message 1');
});

test('sends all messages of one turn in one write', async () => {
  const writes: number[] = [];
  const transport: ChannelTransport = {
    connect: () => {
      const stream = new Duplex({
        read: () => undefined,
        write: (chunk: Buffer, _encoding, done) => {
          writes.push(chunk.length);
          done();
        },
        writev: (chunks, done) => {
          writes.push(chunks.length);
          done();
        },
      });
      stream.push(handshake);
      return Promise.resolve(stream);
    },
  };
  const dealer = stack.use(
    new SocketRecorder({ engine, connection: { info: (await idlePeer()).connection, transport } }),
  );
  await dealer.open();
  await new Promise((resolve) => setImmediate(resolve));
  writes.length = 0;
  for (let index = 0; index < 100; index += 1) dealer.socket.send(frames('aaaa|bbbb'));
  while (dealer.socket.queuedBytes > 0) await turn();
  expect(writes).toEqual([1200]);
});

test('unreachable hosts are reported, once', async () => {
  // No system connects to the broadcast address: this asks neither the network nor a name server.
  const info = { ...(await idlePeer()).connection, ip: '255.255.255.255' };
  const dealer = stack.use(new SocketRecorder({ engine, connection: { info } }));
  expect(await dealer.failed()).toMatchObject({ code: 'KERNEL_UNREACHABLE' });
  expect(dealer.errors[0]?.message).toContain('255.255.255.255');
});

async function idlePeer(): Promise<ScriptedPeer> {
  return stack.use(await ScriptedPeer.listen(() => undefined));
}
