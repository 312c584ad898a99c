import { randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { V1_SUBPROTOCOL, createMessage, v1Framing } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { TOKEN, createTestGateway } from '../testing/test-gateway.ts';
import type { TestGateway } from '../testing/test-gateway.ts';
import type { FakeClient } from '../testing/fake-kernels.ts';

const MIB = 1024 * 1024;
const v1 = { protocols: [V1_SUBPROTOCOL] };

function output(n: number, size = 64 * 1024): KernelMessage {
  return createMessage({ channel: 'iopub', msgType: 'stream', content: { n, text: 'x'.repeat(size) }, session: 'k' });
}

/** A client that shook hands and then reads nothing: a bare socket, so that no library reads on its behalf. */
async function stalledClient(test: TestGateway, kernelId: string): Promise<Socket> {
  const { port } = new URL(await test.listen());
  const socket = connectTcp(Number(port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `GET /api/kernels/${kernelId}/channels?token=${TOKEN}&session_id=stalled HTTP/1.1\r\nHost: localhost\r\n` +
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
      `Sec-WebSocket-Protocol: ${V1_SUBPROTOCOL}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('readable', resolve));
  socket.read();
  socket.pause();
  return socket;
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

function clientOf(test: TestGateway, sessionId: string): FakeClient {
  const clients = test.kernels.list().flatMap((kernel) => [...kernel.clients]);
  return clients.find((client) => client.sessionId === sessionId)!;
}

describe('a client that stops reading', () => {
  test('is given no more than its socket holds, and another one gets everything meanwhile', async () => {
    await using test = await createTestGateway({ websocket: { highWaterBytes: MIB } });
    const kernel = await test.kernels.start({ owner: 'default' });
    const socket = await stalledClient(test, kernel.id);
    const other = await test.connect(kernel.id, v1);
    await other.opened;
    const total = 1_000; // 64 MiB
    for (let n = 0; n < total; n += 1) {
      kernel.emit(output(n));
      if (n % 20 === 0) await turns(1);
    }
    await other.waitFor(total);
    const stalled = clientOf(test, 'stalled');
    expect(stalled.isBlocked).toBe(true);
    // What it was given is its socket's buffers, here and in the kernel, and the high-water mark; the rest waits with
    // the manager, which bounds it.
    const given = total - stalled.queue.length;
    expect(given * 64 * 1024).toBeLessThan(16 * MIB);
    expect(other.received.map((data) => v1Framing.decode(data).parseContent()['n'])).toEqual(
      Array.from({ length: total }, (_, n) => n),
    );
    socket.destroy();
  });

  test('gets all that waited, in order, when it reads again', async () => {
    await using test = await createTestGateway({ websocket: { highWaterBytes: 256 * 1024 } });
    const kernel = await test.kernels.start({ owner: 'default' });
    const client = await test.connect(kernel.id, { ...v1, query: '?session_id=slow' });
    await client.opened;
    client.socket.pause();
    const total = 500;
    for (let n = 0; n < total; n += 10) {
      kernel.emit(...Array.from({ length: 10 }, (_, i) => output(n + i)));
      await turns(1);
    }
    expect(clientOf(test, 'slow').isBlocked).toBe(true);
    client.socket.resume();
    await client.waitFor(total);
    expect(client.received.map((data) => v1Framing.decode(data).parseContent()['n'])).toEqual(
      Array.from({ length: total }, (_, n) => n),
    );
  });

  test('is bounded with compression too', async () => {
    await using test = await createTestGateway({ websocket: { highWaterBytes: 64 * 1024, compression: true } });
    const kernel = await test.kernels.start({ owner: 'default' });
    const client = await test.connect(kernel.id, { ...v1, query: '?session_id=slow' });
    await client.opened;
    expect(client.socket.extensions).toContain('permessage-deflate');
    client.socket.pause();
    // Noise, which no compression makes small.
    const noise = (n: number) =>
      createMessage({
        channel: 'iopub',
        msgType: 'display_data',
        content: { n },
        session: 'k',
        buffers: [randomBytes(64 * 1024)],
      });
    let n = 0;
    while (!clientOf(test, 'slow').isBlocked) {
      kernel.emit(noise(n++));
      await turns(1);
    }
    kernel.emit(noise(n++), noise(n++));
    client.socket.resume();
    await client.waitFor(n);
    expect(client.received.map((data) => v1Framing.decode(data).parseContent()['n'])).toEqual(
      Array.from({ length: n }, (_, index) => index),
    );
  });

  test('is disconnected after the stall timeout, and what it missed goes back for its return', async () => {
    await using test = await createTestGateway({
      websocket: { highWaterBytes: 64 * 1024, stallTimeoutMs: 100, closeTimeoutMs: 50 },
    });
    const kernel = await test.kernels.start({ owner: 'default' });
    const socket = await stalledClient(test, kernel.id);
    const stalled = clientOf(test, 'stalled');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    let n = 0;
    while (kernel.connections > 0) {
      // Again whenever the operating system has found room after all. What the manager was told to keep is in its queue.
      if (!stalled.isBlocked) kernel.emit(output(n++), output(n++));
      await turns(1);
    }
    expect(stalled.undelivered.length).toBeGreaterThan(0);
    const numbers = stalled.undelivered.map((message) => message.parseContent()['n'] as number);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => n - numbers.length + i));
    socket.resume();
    await closed;
    while (test.gateway.openSockets > 0) await turns(1);
  });

  test('that loses its connection gives back what had not left', async () => {
    await using test = await createTestGateway({ websocket: { highWaterBytes: 64 * 1024 } });
    const kernel = await test.kernels.start({ owner: 'default' });
    const socket = await stalledClient(test, kernel.id);
    const stalled = clientOf(test, 'stalled');
    let n = 0;
    while (!stalled.isBlocked) {
      kernel.emit(output(n++), output(n++), output(n++));
      await turns(1);
    }
    socket.resetAndDestroy();
    while (kernel.connections > 0) await turns(1);
    const numbers = stalled.undelivered.map((message) => message.parseContent()['n']);
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers.at(-1)).toBe(n - 1);
  });
});

describe('a connection that breaks', () => {
  test('loses nothing of what comes before it is known to be closed', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    for (let round = 0; round < 5; round += 1) {
      const client = await test.connect(kernel.id, { ...v1, query: '?session_id=s' });
      await client.opened;
      const fake = clientOf(test, 's');
      client.socket.terminate();
      let n = 0;
      while (kernel.connections > 0) {
        kernel.emit(output(n++, 10));
        await turns(1);
      }
      const numbers = [...fake.undelivered, ...fake.queue].map((message) => message.parseContent()['n']);
      expect(numbers).toEqual(Array.from({ length: n }, (_, index) => index));
    }
  });
});

describe('pings', () => {
  test('are sent and, answered, keep the connection', async () => {
    await using test = await createTestGateway({ websocket: { pingIntervalMs: 10 } });
    const kernel = await test.kernels.start({ owner: 'default' });
    const client = await test.connect(kernel.id);
    let pings = 0;
    const enough = new Promise<void>((resolve) => {
      client.socket.on('ping', () => {
        if ((pings += 1) === 5) resolve();
      });
    });
    await enough;
    expect(client.socket.readyState).toBe(client.socket.OPEN);
  });
});

describe('answers to pings', () => {
  test('tell what has arrived: a connection that breaks gives back what has not, though it had left', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    const client = await test.connect(kernel.id, { ...v1, query: '?session_id=s' });
    await client.opened;
    const fake = clientOf(test, 's');
    // The gateway asks about a batch once it knows of the one before.
    for (let n = 0; n < 10; n += 1) {
      const asked = new Promise((resolve) => client.socket.once('ping', resolve));
      kernel.emit(output(n, 10));
      await asked;
    }
    client.socket.pause();
    for (let n = 10; n < 20; n += 1) {
      kernel.emit(output(n, 10));
      await turns(3);
    }
    expect(fake.isBlocked).toBe(false);
    client.socket.terminate();
    while (kernel.connections > 0) await turns(1);
    const numbers = fake.undelivered.map((message) => Number(message.parseContent()['n']));
    expect(numbers.at(0)).toBeGreaterThanOrEqual(8);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 20 - numbers.length + i));
    expect(numbers.length).toBeGreaterThanOrEqual(10);
  });

  test('do not bring back to a client that said good-bye what made it go', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    const client = await test.connect(kernel.id, { ...v1, query: '?session_id=s' });
    await client.opened;
    const fake = clientOf(test, 's');
    // As @jupyterlab/services does when it reads that the kernel is restarting; the ping is not behind that message.
    client.socket.once('message', () => {
      client.socket.close();
    });
    kernel.emit(output(0, 10));
    kernel.emit(createMessage({ channel: 'iopub', msgType: 'status', session: 'k' }));
    while (kernel.connections > 0) await turns(1);
    expect(fake.undelivered).toEqual([]);
  });

  test('are not asked for on behalf of a client that cannot come back', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    const client = await test.connect(kernel.id, v1);
    await client.opened;
    let pings = 0;
    client.socket.on('ping', () => (pings += 1));
    kernel.emit(output(0, 10));
    kernel.emit(output(1, 10));
    await client.waitFor(2);
    kernel.emit(output(2, 10));
    await client.waitFor(3);
    expect(pings).toBe(0);
  });
});

describe('small messages', () => {
  test('never wait for a delayed acknowledgement: 200 round trips with a client that leaves Nagle on', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    const client = await test.connect(kernel.id, v1);
    await client.opened;
    // What an ordinary client does: its library turned Nagle's algorithm off, many others do not.
    const tcp = (client.socket as unknown as { _socket: Socket })._socket;
    tcp.setNoDelay(false);
    const [fake] = kernel.clients;
    fake!.onSend = (request) => {
      // As a kernel answers: several small messages, not all at once.
      kernel.emit(createMessage({ channel: 'iopub', msgType: 'status', session: 'k', parent: request }));
      setImmediate(() => {
        kernel.emit(createMessage({ channel: 'iopub', msgType: 'stream', session: 'k', parent: request }));
        kernel.emit(createMessage({ channel: 'iopub', msgType: 'status', session: 'k', parent: request }));
      });
    };
    const times: number[] = [];
    for (let i = 0; i < 200; i += 1) {
      const start = performance.now();
      client.socket.send(
        v1Framing.encode(createMessage({ channel: 'shell', msgType: 'execute_request', session: 'c' })),
      );
      await client.waitFor(3 * (i + 1));
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    // A delayed acknowledgement costs 40 ms or more on every trip. Without one a trip is that slow only where the
    // machine has no time for it, which is not so for three trips of four.
    expect(times[50]).toBeLessThan(35);
  });
});
