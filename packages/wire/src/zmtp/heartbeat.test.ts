import { afterEach, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { ChannelTransport } from '@gateway-provisioners/core';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import { FakeKernelSockets } from '../testing/fake-kernel-sockets.ts';
import { relay } from '../testing/relay.ts';
import { ScriptedPeer } from '../testing/scripted-peer.ts';
import { SocketRecorder } from '../testing/socket-recorder.ts';
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

const beating = createZmtpEngine({ heartbeatIntervalMs: 20 });

async function meetSilent() {
  const silent = stack.use(
    await ScriptedPeer.listen((socket) => {
      socket.write(handshake);
    }),
  );
  const clock = new ManualClock();
  const dealer = stack.use(new SocketRecorder({ engine: beating, connection: { info: silent.connection }, clock }));
  return { silent, dealer, clock };
}

test('a peer that answers stays connected', async () => {
  const peer = stack.use(await FakeKernelSockets.bind());
  const clock = new ManualClock();
  let heard = '';
  const transport: ChannelTransport = {
    connect: async (channel, options) =>
      relay(await directTransport(peer.connection).connect(channel, options), (chunk) => {
        heard += chunk.toString('latin1');
        return [chunk];
      }),
  };
  const dealer = stack.use(
    new SocketRecorder({ engine: beating, connection: { info: peer.connection, transport }, clock }),
  );
  await dealer.open();
  for (let beat = 1; beat <= 5; beat += 1) {
    await clock.advance(20);
    while (heard.split('PONG').length - 1 < beat) await settle();
  }
  expect(dealer.states).toEqual(['open']);
});

test('a peer that falls silent is lost', async () => {
  const { silent, dealer, clock } = await meetSilent();
  await dealer.open();
  await clock.advance(20);
  while (silent.received[0]?.includes('PING') !== true) await settle();
  expect(dealer.states).toEqual(['open']);
  while (!dealer.states.includes('lost')) await clock.advance(20);
});

test('a paused socket does not blame its peer', async () => {
  const { dealer, clock } = await meetSilent();
  dealer.socket.pause();
  await dealer.open();
  await clock.advance(200);
  expect(dealer.states).toEqual(['open']);
  dealer.socket.resume();
  while (!dealer.states.includes('lost')) await clock.advance(20);
});

test('heartbeats of libzmq are answered, also in the middle of its messages', async () => {
  const peer = stack.use(
    await FakeKernelSockets.bind({
      heartbeatIntervalMs: 1,
      onRequest: (request) => {
        request.reply(request.frames);
      },
    }),
  );
  const dealer = stack.use(new SocketRecorder({ engine, connection: { info: peer.connection } }));
  const many = Array.from({ length: 200 }, (_, index) => Buffer.alloc(10_000, index));
  for (let round = 0; round < 40; round += 1) {
    dealer.socket.send(many);
    await dealer.received(round + 1);
  }
  expect(dealer.states).toEqual(['open']);
  expect(dealer.errors).toEqual([]);
});

test('PINGs are sent every 15 s by default, and a peer has a minute to answer', async () => {
  const silent = stack.use(
    await ScriptedPeer.listen((socket) => {
      socket.write(handshake);
    }),
  );
  const clock = new ManualClock();
  const dealer = stack.use(new SocketRecorder({ engine, connection: { info: silent.connection }, clock }));
  await dealer.open();
  await clock.advance(15_000);
  await dealer.until('PING', () => silent.received[0]?.includes('PING') === true);
  await clock.advance(59_999);
  expect(dealer.states).toEqual(['open']);
  await clock.advance(1);
  await dealer.until('lost', () => dealer.states.includes('lost'));
});

test('a machine that was asleep does not blame the peer for it', async () => {
  const peer = stack.use(await FakeKernelSockets.bind());
  const direct = directTransport(peer.connection);
  let bytesRead = (): number => 0;
  const transport: ChannelTransport = {
    connect: async (channel, options) => {
      const stream = await direct.connect(channel, options);
      bytesRead = () => ('bytesRead' in stream ? Number(stream.bytesRead) : 0);
      return stream;
    },
  };
  const clock = new ManualClock();
  const dealer = stack.use(new SocketRecorder({ engine, connection: { info: peer.connection, transport }, clock }));
  await dealer.open();
  for (let hour = 0; hour < 5; hour += 1) {
    const heard = bytesRead();
    clock.sleep(3_600_000);
    await clock.advance(0);
    await dealer.until('PONG', () => bytesRead() > heard);
  }
  expect(dealer.states).toEqual(['open']);
});
