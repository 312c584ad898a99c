import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import type { Clock } from './clock.ts';
import { systemClock } from './clock.ts';
import { parsePortRange } from './port-range.ts';
import { reservePorts } from './reserve-ports.ts';

describe('parsePortRange', () => {
  it.each([
    ['40000..41000', { low: 40_000, high: 41_000 }],
    [' 1024 .. 65535 ', { low: 1024, high: 65_535 }],
    ['0..0', undefined],
    ['40000..40000', undefined],
    ['', undefined],
  ])('reads %j', (text, expected) => {
    expect(parsePortRange(text)).toEqual(expected);
  });

  const failed = (range: string): string => `Port range validation failed for range: '${range}'.  `;
  const unreadable = (range: string): string =>
    `${failed(range)}Error was: two numbers are expected, as in 40000..42000`;
  const tooSmall = (range: string): string =>
    `${failed(range)}Range size must be at least 1000 as specified by env GP_MIN_PORT_RANGE_SIZE`;
  const outside = (range: string): string =>
    `Invalid port range '${range}' specified. Range for valid port numbers is (1024, 65535).`;

  it.each([
    ['40000', unreadable],
    ['40000..', unreadable],
    ['40000-42000', unreadable],
    ['a..b', unreadable],
    ['1..2..3', unreadable],
    ['-1..2000', unreadable],
    ['40000..40999', tooSmall],
    ['42000..40000', tooSmall],
    ['80..8000', outside],
    ['60000..70000', outside],
  ])('refuses %j in the words of Gateway Provisioners', (text, message) => {
    expect(() => parsePortRange(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_PORT_RANGE', message: message(text) }),
    );
  });

  it('takes the least size from the caller', () => {
    expect(parsePortRange('40000..40005', { minSize: 5 })).toEqual({ low: 40_000, high: 40_005 });
  });

  it('gives a range of legal ports or an error, for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(fc.nat(99_999), fc.nat(99_999)).map((ends) => ends.join('..')),
        ),
        (text) => {
          try {
            const range = parsePortRange(text);
            if (range !== undefined) expect([range.low >= 1024, range.high <= 65_535]).toEqual([true, true]);
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_PORT_RANGE' });
          }
        },
      ),
    );
  });
});

async function listen(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1' }, resolve);
  });
  return server;
}

const close = (server: Server) => new Promise((resolve) => server.close(resolve));

describe('reservePorts', () => {
  it('gives different ports to everybody, and each can be bound', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => reservePorts({ count: 5, host: '127.0.0.1' })));
    const ports = all.flat();
    expect(new Set(ports).size).toBe(100);
    // A program that was started beside this one looks elsewhere first.
    expect(new Set(ports.map((port) => port % 16))).toEqual(new Set([process.pid % 16]));
    let taken = 0;
    for (const port of ports) await listen(port).then(close, () => (taken += 1));
    // Other programs may have taken one since; of what was still held here, none could be bound.
    expect(taken).toBeLessThan(10);
  });

  it('stays within a range and passes over what is taken or was handed out', async () => {
    const [base] = await reservePorts({ count: 1, host: '127.0.0.1' });
    const range = { low: Math.min(base!, 65_000), high: Math.min(base!, 65_000) + 40 };
    const first = await reservePorts({ count: 3, host: '127.0.0.1', range });
    const second = await reservePorts({ count: 3, host: '127.0.0.1', range });
    expect(new Set([...first, ...second]).size).toBe(6);
    expect([...first, ...second].every((port) => port >= range.low && port <= range.high)).toBe(true);
  });

  it('hands a port out again after a while', async () => {
    let now = systemClock.now() + 1_000_000_000;
    const clock: Clock = { ...systemClock, now: () => now };
    const [port] = await reservePorts({ count: 1, host: '127.0.0.1', clock });
    const range = { low: port!, high: port! };
    await expect(reservePorts({ count: 1, host: '127.0.0.1', range, clock })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      retryable: true,
    });
    now += 60_001;
    expect(await reservePorts({ count: 1, host: '127.0.0.1', range, clock })).toEqual([port]);
  });

  it('says so when every port is taken, and holds nothing', async () => {
    const server = await listen(0);
    const address = server.address();
    const port = typeof address === 'object' ? address!.port : 0;
    const range = { low: port, high: port };
    await expect(reservePorts({ count: 1, host: '127.0.0.1', range })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
    });
    await close(server);
    expect(await reservePorts({ count: 1, host: '127.0.0.1', range })).toEqual([port]);
  });

  it('refuses a host that is not of this machine, and an aborted caller', async () => {
    await expect(reservePorts({ count: 1, host: '192.0.2.1' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(reservePorts({ count: 1, host: '127.0.0.1', signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
