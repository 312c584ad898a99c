import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { answerAsLauncher, launcherFields } from '../testing/fake-launcher.ts';
import { encodeVersion1 } from '../testing/launcher-payloads.ts';
import { ListenerBench } from '../testing/listener-bench.ts';
import { sendPayload } from '../testing/send-payload.ts';

async function stall(bench: ListenerBench, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let at = 0; at < count; at += 1) {
    const socket = await bench.connect();
    // Some say nothing, some begin like a payload of either version and leave it at that.
    if (at % 3 > 0) socket.write(at % 3 === 1 ? 'eyJ2ZXJzaW9uIjogMSwg' : '{"version":2,"kernel_id":"');
    sockets.push(socket);
  }
  return sockets;
}

test.each([
  ['with room for all', 4096],
  ['when stalled peers alone fill it', 512],
])('200 launches at once among 1,000 stalled peers, %s', async (_, maxConnections) => {
  await using bench = await ListenerBench.start({ maxConnections, connectionTimeoutMs: 600_000 });
  await stall(bench, 1000);
  await bench.until(({ connections }) => connections === 1000);
  const launches = await Promise.all(Array.from({ length: 200 }, () => bench.expect()));
  await Promise.all(
    launches.map(async (launch, index) => {
      await answerAsLauncher(launch.parameters, { version: index % 2 === 0 ? 1 : 2, fields: { pid: index + 1 } });
    }),
  );
  const answers = await Promise.all(launches.map(({ answer }) => answer));
  expect(answers.map(({ pid }) => pid)).toEqual(launches.map((__, index) => index + 1));
  const { evicted, openConnections, accepted, timedOut } = bench.listener.counters;
  // No launch waited for a stalled peer to go.
  expect(timedOut).toBe(0);
  expect(accepted).toEqual({ version0: 0, version1: 100, version2: 100 });
  expect(openConnections).toBeLessThanOrEqual(maxConnections);
  if (maxConnections > 1200) {
    expect(evicted).toBe(0);
    expect(openConnections).toBeGreaterThanOrEqual(1000);
  } else expect(evicted).toBeGreaterThanOrEqual(1000 - maxConnections);
});

test('a slow peer is dropped at its deadline, however busily it drips', async () => {
  const clock = new ManualClock();
  await using bench = await ListenerBench.start({ clock });
  const socket = await bench.connect();
  await bench.until(({ openConnections }) => openConnections === 1);
  for (let second = 0; second < 10; second += 1) {
    socket.write('A');
    await clock.advance(999);
  }
  expect(bench.listener.counters.timedOut).toBe(0);
  await clock.advance(10);
  expect(bench.listener.counters).toMatchObject({ timedOut: 1, openConnections: 0 });
  // Nor may it stay after it was answered.
  const quiet = await bench.connect();
  quiet.write('{"version":2}\n');
  await bench.until(({ refused, openConnections }) => refused.undecodable === 1 && openConnections === 0);
});

test('a payload that is too large is dropped while it comes', async () => {
  await using bench = await ListenerBench.start({ maxPayloadBytes: 5000 });
  const launch = await bench.expect();
  const { kernelId, publicKey } = launch.parameters.public;
  const large = encodeVersion1(launcherFields(kernelId, { more: 'x'.repeat(5000) }), publicKey);
  await sendPayload(large, bench.listener).catch(() => undefined);
  const endless = await bench.connect();
  endless.write(Buffer.alloc(1_000_000, 0x41));
  await bench.until(({ refused }) => refused['too-large'] === 2);
  await answerAsLauncher(launch.parameters, { version: 1 });
  await expect(launch.answer).resolves.toMatchObject({ version: 1 });
});

test('peers that reset their connections harm nobody', async () => {
  await using bench = await ListenerBench.start();
  const launch = await bench.expect();
  for (let at = 0; at < 20; at += 1) {
    const socket = await bench.connect();
    socket.write('{"version":2');
    socket.resetAndDestroy();
  }
  await bench.until(({ connections, openConnections }) => connections === 20 && openConnections === 0);
  await answerAsLauncher(launch.parameters, { version: 2 });
  await expect(launch.answer).resolves.toMatchObject({ version: 2 });
});
