import { describe, expect, test } from '@jest/globals';
import { ProvisionerError } from '@gateway-provisioners/core';
import { V1_SUBPROTOCOL, createMessage, defaultFraming, v1Framing } from '@gateway-provisioners/wire';
import type { KernelMessage, WebSocketFraming } from '@gateway-provisioners/wire';
import { authorised, createTestGateway, twoUsers } from '../testing/test-gateway.ts';
import type { ConnectTestOptions, TestGateway, TestSocket } from '../testing/test-gateway.ts';
import type { FakeClient } from '../testing/fake-kernels.ts';

const v1 = { protocols: [V1_SUBPROTOCOL] };

function request(code = '1 + 1', session = 'client-session'): KernelMessage {
  return createMessage({ channel: 'shell', msgType: 'execute_request', content: { code }, session });
}

interface Connected {
  readonly socket: TestSocket;
  readonly client: FakeClient;
}

async function connected(test: TestGateway, options: ConnectTestOptions = {}): Promise<Connected> {
  const kernel = test.kernels.list()[0] ?? (await test.kernels.start({ owner: 'default' }));
  const before = new Set(kernel.clients);
  const socket = await test.connect(kernel.id, options);
  await socket.opened;
  return { socket, client: [...kernel.clients].find((client) => !before.has(client))! };
}

function nextSent(client: FakeClient): Promise<KernelMessage> {
  return new Promise((resolve) => (client.onSend = resolve));
}

function decodeAll(
  socket: TestSocket,
  framing: WebSocketFraming,
): { type: string; content: unknown; parent?: string }[] {
  return socket.received.map((data) => {
    const message = framing.decode(data);
    return {
      type: message.header.msg_type,
      content: message.parseContent(),
      ...(message.parentHeader.msg_id === undefined ? {} : { parent: message.parentHeader.msg_id }),
    };
  });
}

describe('a handshake', () => {
  test('selects the v1 framing when it is offered, nothing otherwise', async () => {
    await using test = await createTestGateway();
    const { socket: first } = await connected(test, { protocols: ['other', V1_SUBPROTOCOL] });
    const { socket: second } = await connected(test);
    expect([first.socket.protocol, second.socket.protocol]).toEqual([V1_SUBPROTOCOL, '']);
    expect(first.socket.extensions).toBe('');
  });

  test.each([
    { what: 'no token', options: { headers: {} }, status: 401 },
    { what: 'a wrong token', options: { headers: {}, query: '?token=nope' }, status: 401 },
    { what: 'a foreign origin', options: { headers: { ...authorised, origin: 'https://evil.example' } }, status: 403 },
    { what: 'two session ids', options: { query: '?session_id=a&session_id=b' }, status: 400 },
    { what: 'a session id without end', options: { query: `?session_id=${'a'.repeat(300)}` }, status: 400 },
  ])('with $what is refused with $status', async ({ options, status }) => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    const refused = await (await test.connect(kernel.id, options)).refused;
    expect(refused.status).toBe(status);
    expect(JSON.parse(refused.body)).toHaveProperty('message');
    expect(kernel.connections).toBe(0);
  });

  test('for a kernel that does not exist, or is not ours, is refused with 404', async () => {
    await using test = await createTestGateway({ authenticator: twoUsers });
    const kernel = await test.kernels.start({ owner: 'alice' });
    const headers = { authorization: 'token bob' };
    const theirs = await (await test.connect(kernel.id, { headers })).refused;
    const missing = await (await test.connect('nothing', { headers })).refused;
    expect([theirs.status, missing.status]).toEqual([404, 404]);
    expect(kernel.connections).toBe(0);
  });

  test('takes the token from the query, and passes the session id on', async () => {
    await using test = await createTestGateway();
    const { client } = await connected(test, { headers: {}, query: '?token=a-token-for-tests&session_id=abc' });
    expect(client.sessionId).toBe('abc');
    const { client: anonymous } = await connected(test);
    expect(anonymous.sessionId).toBeUndefined();
  });

  test('works below a base URL', async () => {
    await using test = await createTestGateway({ baseUrl: '/hub/user/' });
    const { socket } = await connected(test);
    expect(socket.socket.readyState).toBe(socket.socket.OPEN);
  });
});

describe.each([
  { framing: v1Framing, options: v1 },
  { framing: defaultFraming, options: {} },
])('messages in $framing.name framing', ({ framing, options }) => {
  test('go both ways, buffers included', async () => {
    await using test = await createTestGateway();
    const { socket, client } = await connected(test, options);
    const sent = request();
    const arrived = nextSent(client);
    socket.socket.send(framing.encode(sent));
    expect((await arrived).header).toEqual(sent.header);
    const buffers = [Buffer.from([1, 2, 3]), Buffer.alloc(0)];
    const output = createMessage({ channel: 'iopub', msgType: 'comm_msg', content: { a: 1 }, session: 'k', buffers });
    client.kernel.emit(output, output);
    const received = await socket.waitFor(2);
    const back = framing.decode(received[0]!);
    expect(back.channel).toBe('iopub');
    expect(back.buffers.map((buffer) => [...buffer])).toEqual([[1, 2, 3], []]);
    expect(back.parseContent()).toEqual({ a: 1 });
  });

  test('which are large arrive whole, in their place', async () => {
    await using test = await createTestGateway();
    const { socket, client } = await connected(test, options);
    const text = 'é'.repeat(1_500_000);
    const output = (content: object, buffers: readonly Buffer[] = []) =>
      createMessage({ channel: 'iopub', msgType: 'stream', content: { ...content }, session: 'k', buffers });
    const bulk = Buffer.alloc(2_000_000, 5);
    client.kernel.emit(output({ n: 0 }), output({ n: 1, text }), output({ n: 2 }, [bulk]), output({ n: 3 }));
    const received = (await socket.waitFor(4)).map((frame) => framing.decode(frame));
    expect(received.map((message) => message.parseContent()['n'])).toEqual([0, 1, 2, 3]);
    expect(received[1]?.parseContent()['text'] === text).toBe(true);
    expect(received[2]?.buffers[0]?.equals(bulk)).toBe(true);
  });

  test('in any number arrive in order', async () => {
    await using test = await createTestGateway();
    const { socket, client } = await connected(test, options);
    const total = 5_000;
    for (let start = 0; start < total; start += 50) {
      const batch = Array.from({ length: 50 }, (_, index) =>
        createMessage({ channel: 'iopub', msgType: 'stream', content: { n: start + index }, session: 'k' }),
      );
      client.kernel.emit(...batch);
    }
    await socket.waitFor(total);
    expect(decodeAll(socket, framing).map(({ content }) => content)).toEqual(
      Array.from({ length: total }, (_, n) => ({ n })),
    );
  });

  test('that are malformed close the socket with a code and the rule', async () => {
    await using test = await createTestGateway();
    const frames =
      framing.name === 'v1'
        ? [Buffer.from([1, 2, 3]), Buffer.alloc(64, 0xff)]
        : ['{"header":', '[]', '{}', Buffer.from([0, 0])];
    for (const frame of frames) {
      const { socket, client } = await connected(test, options);
      socket.socket.send(frame);
      const { code, reason } = await socket.closed;
      expect(code).toBe(1007);
      expect(reason.length).toBeGreaterThan(10);
      expect(client.sent).toHaveLength(0);
    }
  });

  test('beyond the limit are refused: the cell shows why, the socket closes with 1009', async () => {
    await using test = await createTestGateway({ websocket: { maxMessageBytes: 10_000 } });
    const { socket, client } = await connected(test, options);
    const large = request('x'.repeat(12_000));
    socket.socket.send(framing.encode(large));
    const { code, reason } = await socket.closed;
    expect([code, reason]).toEqual([1009, "message larger than 10000 bytes, the gateway's max_message_size"]);
    expect(client.sent).toHaveLength(0);
    const messages = decodeAll(socket, framing);
    expect(messages.map(({ type }) => type)).toEqual(['status', 'error', 'execute_reply', 'status']);
    expect(messages.every(({ parent }) => parent === large.header.msg_id)).toBe(true);
    expect(messages[2]?.content).toMatchObject({ status: 'error', ename: 'GatewayMESSAGE_TOO_LARGE' });
  });
});

describe('a WebSocket', () => {
  test('refuses text in v1 framing with 1003', async () => {
    await using test = await createTestGateway();
    const { socket } = await connected(test, v1);
    socket.socket.send('{"header": {}}');
    expect(await socket.closed).toEqual({ code: 1003, reason: expect.stringContaining('binary') });
  });

  test('is closed with 1009 and a reason before a message far beyond the limit is read', async () => {
    await using test = await createTestGateway({ websocket: { maxMessageBytes: 10_000 } });
    const { socket } = await connected(test);
    socket.socket.send('x'.repeat(100_000));
    expect(await socket.closed).toEqual({ code: 1009, reason: expect.stringContaining('10000 bytes') });
  });

  test('is told when its request cannot be queued, and goes on', async () => {
    await using test = await createTestGateway();
    const { socket, client } = await connected(test, v1);
    client.refusal = new ProvisionerError('LIMIT_EXCEEDED', 'maxQueuedBytes: 64 MiB wait for the kernel');
    socket.socket.send(v1Framing.encode(request()));
    await socket.waitFor(4);
    expect(decodeAll(socket, v1Framing)[1]).toMatchObject({
      type: 'error',
      content: { ename: 'GatewayLIMIT_EXCEEDED' },
    });
    client.refusal = undefined;
    const arrived = nextSent(client);
    socket.socket.send(v1Framing.encode(request()));
    await arrived;
  });

  test('ends with 1000 when its kernel does, with what the kernel said last', async () => {
    await using test = await createTestGateway();
    const { socket, client } = await connected(test, v1);
    client.kernel.emit(createMessage({ channel: 'control', msgType: 'shutdown_reply', session: 'k' }));
    await client.kernel.shutdown();
    expect(await socket.closed).toEqual({ code: 1000, reason: 'the kernel has ended' });
    expect(decodeAll(socket, v1Framing).map(({ type }) => type)).toEqual(['shutdown_reply']);
  });

  test('is replaced by another one of the same session id', async () => {
    await using test = await createTestGateway();
    const { socket: first } = await connected(test, { query: '?session_id=same' });
    const { socket: second, client } = await connected(test, { query: '?session_id=same' });
    expect((await first.closed).code).toBe(4409);
    client.kernel.emit(createMessage({ channel: 'iopub', msgType: 'status', session: 'k' }));
    await second.waitFor(1);
    expect(client.kernel.connections).toBe(1);
  });

  test('leaves the kernel when it closes, and its close is answered', async () => {
    await using test = await createTestGateway();
    const { socket, client } = await connected(test);
    socket.socket.close(1000);
    expect((await socket.closed).code).toBe(1000);
    expect(client.kernel.connections).toBe(0);
    // Either side may be the first to hear that the connection below has ended.
    while (test.gateway.openSockets > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('is closed with 1001 when the gateway stops', async () => {
    await using test = await createTestGateway();
    const { socket } = await connected(test);
    await test.gateway.close({ timeoutMs: 2_000 });
    expect(await socket.closed).toEqual({ code: 1001, reason: 'the gateway is stopping' });
  });

  test('is closed with 1011 when the kernel refuses it', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    kernel.connect = () => {
      throw new ProvisionerError('INVALID_STATE', 'ended');
    };
    expect((await (await test.connect(kernel.id)).closed).code).toBe(1011);
  });
});
