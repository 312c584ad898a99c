import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ResourceStack, systemClock } from '@gateway-provisioners/core';
import type { ChannelTransport, Clock } from '@gateway-provisioners/core';
import { ScriptedPeer } from '../testing/scripted-peer.ts';
import { SocketRecorder, frames } from '../testing/socket-recorder.ts';
import type { SocketRecorderOptions } from '../testing/socket-recorder.ts';
import { encodeCommand, encodeMetadata } from './command.ts';
import { encodeMessages } from './frame-encoder.ts';
import { encodeGreeting } from './greeting.ts';
import { createZmtpEngine } from './zmtp-engine.ts';

let stack = new ResourceStack();
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

const ready = encodeCommand('READY', encodeMetadata({ 'Socket-Type': Buffer.from('ROUTER') }));
const handshake = Buffer.concat([encodeGreeting(), ready]);
const engine = createZmtpEngine();
const hasty = createZmtpEngine({ handshakeTimeoutMs: 300, connectTimeoutMs: 300 });

/** Attempts follow one another, but none runs into a deadline, however long the machine stands still. */
const patient: Clock = {
  now: () => systemClock.now(),
  schedule: (delayMs, callback) => (delayMs < 1_000 ? systemClock.schedule(delayMs, callback) : () => undefined),
};

async function meet(
  script: (socket: Socket, index: number) => void,
  options: Partial<SocketRecorderOptions> = {},
): Promise<{ peer: ScriptedPeer; dealer: SocketRecorder }> {
  const peer = stack.use(await ScriptedPeer.listen(script));
  const dealer = stack.use(
    new SocketRecorder({ engine, connection: { info: peer.connection }, clock: patient, ...options }),
  );
  return { peer, dealer };
}

describe('tells what is wrong, once, and goes on trying', () => {
  test.each<[string, Buffer, string]>([
    ['an HTTP server', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'), 'does not speak ZMTP'],
    ['a ZMTP 2.0 peer', Buffer.from('ff00000000000000017f0100', 'hex'), 'ZMTP 2.0'],
    [
      'a PUB',
      Buffer.concat([encodeGreeting(), encodeCommand('READY', encodeMetadata({ 'Socket-Type': Buffer.from('PUB') }))]),
      'PUB',
    ],
    ['a length of 2^63', Buffer.concat([handshake, Buffer.from('028000000000000000', 'hex')]), 'highest bit'],
    ['a command in mid-message', Buffer.concat([handshake, Buffer.from([1, 0]), ready]), 'in the middle of a message'],
    ['reserved flags', Buffer.concat([handshake, Buffer.from([0x80, 0])]), 'reserved'],
    ['an ERROR', Buffer.concat([encodeGreeting(), encodeCommand('ERROR', Buffer.from('\x04busy'))]), 'busy'],
  ])('%s', async (_name, bytes, text) => {
    const { peer, dealer } = await meet((socket) => {
      socket.write(bytes);
    });
    const error = await dealer.failed();
    expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' });
    expect(error.message).toContain(text);
    const reported = dealer.errors.length;
    const opened = dealer.states.filter((state) => state === 'open').length;
    while (peer.sockets.length < 3) await new Promise((resolve) => setImmediate(resolve));
    // Once while it stays the same; after an open connection it is news again.
    expect(dealer.errors.length).toBeLessThanOrEqual(opened === 0 ? reported : peer.sockets.length);
    expect(dealer.messages).toEqual([]);
  });

  test('a message that is too large', async () => {
    const { dealer } = await meet(
      (socket) => {
        socket.write(Buffer.concat([handshake, Buffer.from('024000000000000000', 'hex')]));
      },
      { maxMessageBytes: 1000 },
    );
    expect(await dealer.failed()).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  test('a peer that accepts and says nothing: the deadline of the handshake', async () => {
    const { dealer } = await meet(() => undefined, { engine: hasty, clock: systemClock });
    expect(await dealer.failed()).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(dealer.socket.state.current).toBe('connecting');
  });

  test('a peer that stops in its greeting, or before READY', async () => {
    for (const bytes of [encodeGreeting().subarray(0, 40), handshake.subarray(0, 70)]) {
      const { dealer } = await meet(
        (socket) => {
          socket.write(bytes);
        },
        { engine: hasty, clock: systemClock },
      );
      expect(await dealer.failed()).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    }
  });
});

test('a peer that hangs up in the middle of its greeting is simply tried again', async () => {
  const { dealer } = await meet((socket, index) => {
    if (index < 3) socket.end(encodeGreeting().subarray(0, 10 + index));
    else socket.write(handshake);
  });
  await dealer.open();
  expect(dealer.states).toEqual(['open']);
  expect(dealer.errors).toEqual([]);
});

test('comes to terms with a peer that delivers byte by byte', async () => {
  const bytes = Buffer.concat([handshake, ...encodeMessages([frames('a|b|'), [Buffer.alloc(300, 'x')]])]);
  const { dealer } = await meet((socket) => {
    void (async () => {
      for (const byte of bytes) {
        socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
  });
  await dealer.received(2);
  expect(dealer.texts).toEqual(['a|b|', 'x'.repeat(300)]);
});

test('delivers what came before the broken rule, and continues after it', async () => {
  const { dealer } = await meet((socket, index) => {
    socket.write(Buffer.concat([handshake, ...encodeMessages([frames(`good ${index}`)])]));
    if (index === 0) socket.write(Buffer.from([0xff]));
  });
  await dealer.received(2);
  expect(dealer.texts).toEqual(['good 0', 'good 1']);
  expect(dealer.states).toEqual(['open', 'lost', 'open']);
});

test('forgets half a message when its connection breaks', async () => {
  const half = Buffer.concat(encodeMessages([[Buffer.from('lost'), Buffer.alloc(1000)]])).subarray(0, 200);
  const { dealer } = await meet((socket, index) => {
    socket.write(handshake);
    if (index === 0) socket.end(half);
    else socket.write(Buffer.concat(encodeMessages([frames('whole')])));
  });
  await dealer.received(1);
  expect(dealer.texts).toEqual(['whole']);
  // All that came is counted, whole or not.
  expect(dealer.socket.receivedBytes).toBe(4 + (200 - 2 - 4 - 9) + 5);
});

test('answers PING, but not for ever to one who does not listen', async () => {
  const ping = encodeCommand('PING', Buffer.from('\0\0ctx and so on'));
  const { peer, dealer } = await meet((socket) => {
    socket.write(Buffer.concat([handshake, ping]));
  });
  await dealer.open();
  while (!peer.received[0]?.includes('PONGctx and so on')) await new Promise((resolve) => setImmediate(resolve));

  // It takes nothing of what it is sent.
  const deaf = new Duplex({ read: () => undefined, write: () => undefined });
  deaf.push(handshake);
  const many = Buffer.concat(Array.from({ length: 100_000 }, () => ping));
  deaf.push(Buffer.concat([many, ...encodeMessages([frames('after the flood')])]));
  const transport: ChannelTransport = { connect: () => Promise.resolve(deaf) };
  const flooded = stack.use(
    new SocketRecorder({ engine, connection: { info: peer.connection, transport }, clock: patient }),
  );
  await flooded.received(1);
  expect(flooded.errors).toEqual([]);
  expect(deaf.writableLength).toBeGreaterThan(1_000_000);
  expect(deaf.writableLength).toBeLessThan(1_100_000);
});
