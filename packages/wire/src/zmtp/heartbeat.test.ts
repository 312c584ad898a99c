import { afterEach, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { ChannelTransport } from '@gateway-provisioners/core';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { FakeKernelSockets } from '../testing/fake-kernel-sockets.ts';
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
