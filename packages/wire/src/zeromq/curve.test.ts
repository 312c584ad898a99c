import { afterEach, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import { FakeKernelSockets } from '../testing/fake-kernel-sockets.ts';
import { SocketRecorder, frames } from '../testing/socket-recorder.ts';
import { createZmtpEngine } from '../zmtp/zmtp-engine.ts';
import { loadZeromq } from './library.ts';
import { createZeromqEngine } from './zeromq-engine.ts';

let stack = new ResourceStack();
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

const engine = createZeromqEngine({ lingerMs: 0 });

/** As the info's type, but open to change. */
type Draft = { -readonly [Key in keyof ConnectionInfo]: ConnectionInfo[Key] };

async function kernel(curve: boolean): Promise<FakeKernelSockets> {
  return stack.use(
    await FakeKernelSockets.bind({
      curve,
      onRequest: (request) => {
        request.reply(request.frames);
      },
    }),
  );
}

describe('CurveZMQ', () => {
  test('the public key alone opens the door', async () => {
    const peer = await kernel(true);
    const info: Draft = { ...peer.connection };
    delete info.curve_secretkey;
    const dealer = stack.use(new SocketRecorder({ engine, connection: { info } }));
    dealer.socket.send(frames('secret'));
    await dealer.received(1);
    expect(dealer.texts).toEqual(['secret']);
  });

  test('a wrong key is reported once, instead of silence', async () => {
    const peer = await kernel(true);
    const other = (await loadZeromq()).curveKeyPair();
    const dealer = stack.use(
      new SocketRecorder({ engine, connection: { info: { ...peer.connection, curve_publickey: other.publicKey } } }),
    );
    dealer.socket.send(frames('x'));
    const error = await dealer.failed();
    expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' });
    expect(error.message).toContain('curve_publickey');
    expect(error.message).not.toContain(other.publicKey);
    expect(dealer.socket.state.current).toBe('connecting');
    expect(dealer.socket.queuedBytes).toBe(1);
  });

  test('a peer that does not encrypt is reported', async () => {
    const peer = await kernel(false);
    const pair = (await loadZeromq()).curveKeyPair();
    const dealer = stack.use(
      new SocketRecorder({ engine, connection: { info: { ...peer.connection, curve_publickey: pair.publicKey } } }),
    );
    await dealer.until('both', () => dealer.errors.some((error) => error.message.includes('does not encrypt')));
    expect(dealer.messages).toEqual([]);
  });

  test.each([
    ['zeromq', engine],
    ['zmtp', createZmtpEngine()],
  ])('%s without keys against a peer that encrypts says what is missing', async (_name, plain) => {
    const peer = await kernel(true);
    const info: Draft = { ...peer.connection };
    delete info.curve_publickey;
    delete info.curve_secretkey;
    const dealer = stack.use(new SocketRecorder({ engine: plain, connection: { info } }));
    await dealer.until('told', () =>
      dealer.errors.some((error) => error.message.includes('lacks its curve_publickey')),
    );
    expect(dealer.socket.state.current).toBe('connecting');
  });
});
