import { expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { until } from '../support/until.ts';
import { installFakeKernel } from './crash-campaign.ts';
import { openFloodClient } from './flood-client.ts';
import type { FloodClient } from './flood-client.ts';
import { startMortalGateway } from './mortal-gateway.ts';
import type { MortalGateway } from './mortal-gateway.ts';

const MESSAGES = 100_000;
const SIZE_BYTES = 2_000;
const QUEUE_BYTES = 32 * 2 ** 20;

test('a client that stops reading in a flood costs bounded memory, harms nobody, and is told what it missed', async () => {
  await using scratch = await createScratchFolder();
  const env = { ...(await installFakeKernel(scratch)), GP_CLIENT_QUEUE_BYTES: String(QUEUE_BYTES) };
  await using gateway = await startMortalGateway({ scratch, env });
  const created = await gateway.request('api/kernels', { method: 'POST', body: JSON.stringify({ name: 'fake' }) });
  const { id } = (await created.json()) as { readonly id: string };
  await using reader = await openFloodClient(gateway, id);
  await flood(reader); // warm-up: what the flood itself costs is in the figure that the stall is compared with

  const alone = await flood(reader);
  const before = await resetPeak(gateway);
  await using stalled = await openFloodClient(gateway, id);
  stalled.stall();
  const beside = await flood(reader);
  const growth = (await peakBytes(gateway)) - before;

  expect(beside.received).toBe(alone.received);
  expect(beside.perSecond / alone.perSecond).toBeGreaterThan(0.9);
  expect(growth).toBeLessThan(QUEUE_BYTES * 1.2);

  stalled.resume();
  await stalled.idle(beside.msgId, 60_000);
  await until({ what: 'the marker', timeoutMs: 10_000 }, () => stalled.missed.messages > 0);
  // All that it did not get is accounted for; its own busy and idle and the marker itself are extra.
  expect(stalled.missed.messages + stalled.received).toBeGreaterThanOrEqual(MESSAGES);
  await gateway.request(`api/kernels/${id}`, { method: 'DELETE' });
}, 300_000);

async function flood(client: FloodClient) {
  const before = client.received;
  const start = performance.now();
  const msgId = client.execute(`stream ${MESSAGES} ${SIZE_BYTES}`);
  await client.idle(msgId, 120_000);
  const received = client.received - before;
  return { msgId, received, perSecond: (received * 1000) / (performance.now() - start) };
}

async function resetPeak(gateway: MortalGateway): Promise<number> {
  await writeFile(`/proc/${gateway.pid}/clear_refs`, '5');
  return await peakBytes(gateway);
}

async function peakBytes(gateway: MortalGateway): Promise<number> {
  const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}
