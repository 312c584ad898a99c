import { expect, test } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { until } from '../support/until.ts';
import { installFakeKernel } from './crash-campaign.ts';
import { openFloodClient } from './flood-client.ts';
import type { FloodClient } from './flood-client.ts';
import { startMortalGateway } from './mortal-gateway.ts';
import type { MortalGateway } from './mortal-gateway.ts';

const MESSAGES = 40_000;
const SIZE_BYTES = 2_000;
const ROUNDS = 8;
/** On a machine that has other work too, it takes longer until both have had an undisturbed moment. */
const MOST_ROUNDS = 32;
const QUEUE_BYTES = 32 * 2 ** 20;

test('a client that stops reading in a flood costs bounded memory, harms nobody, and is told what it missed', async () => {
  await using scratch = await createScratchFolder();
  const env = { ...(await installFakeKernel(scratch)), GP_CLIENT_QUEUE_SIZE: String(QUEUE_BYTES) };
  await using gateway = await startMortalGateway({ scratch, env });
  const created = await gateway.request('api/kernels', { method: 'POST', body: JSON.stringify({ name: 'fake' }) });
  const { id } = (await created.json()) as { readonly id: string };
  await using reader = await openFloodClient(gateway, id);
  // A flood costs memory by itself, the more the longer the garbage collector has known it.
  const before = await floods(ROUNDS, gateway, reader);
  const stalling = await besideStalled(gateway, { id, reader, rounds: 5 });
  // The first of them fills the queue. What is too much shows in each; what garbage happens to lie about, in some.
  expect(leastPeak(stalling) - peak(before)).toBeLessThan(QUEUE_BYTES * 1.2);

  // By turns, and the best rate of each counts: others use this machine too.
  const alone: Flood[] = [];
  const beside: Flood[] = [];
  const enough = (): boolean => alone.length >= ROUNDS && best(beside) / best(alone) > 0.9;
  while (alone.length < MOST_ROUNDS && !enough()) {
    alone.push(...(await floods(1, gateway, reader)));
    beside.push(...(await besideStalled(gateway, { id, reader, rounds: 1 })));
  }
  expect(beside.map(({ accounted }) => accounted)).toEqual(alone.map(({ accounted }) => accounted));
  expect(best(beside) / best(alone)).toBeGreaterThan(0.9);
  await gateway.request(`api/kernels/${id}`, { method: 'DELETE' });
}, 600_000);

/** Floods while another client does not read; it reads in the end, and must be told all that it missed. */
async function besideStalled(
  gateway: MortalGateway,
  { id, reader, rounds }: { readonly id: string; readonly reader: FloodClient; readonly rounds: number },
): Promise<readonly Flood[]> {
  await using stalled = await openFloodClient(gateway, id, { returns: false });
  stalled.stall();
  const results = await floods(rounds, gateway, reader);
  stalled.resume();
  await stalled.idle(results.at(-1)?.msgId ?? '', 60_000);
  await until({ what: 'the marker' }, () => stalled.missed.messages > 0);
  // The replies were not for it.
  expect(stalled.accounted).toBe(results.reduce((sum, { accounted }) => sum + accounted - 1, 0));
  return results;
}

async function floods(rounds: number, gateway: MortalGateway, client: FloodClient): Promise<readonly Flood[]> {
  const results: Flood[] = [];
  while (results.length < rounds) results.push(await flood(gateway, client));
  return results;
}

interface Flood {
  readonly msgId: string;
  /** Messages that the client got or was told of as missed. */
  readonly accounted: number;
  readonly perSecond: number;
  readonly peakBytes: number;
}

const best = (floods: readonly Flood[]) => Math.max(...floods.map(({ perSecond }) => perSecond));
const leastPeak = (floods: readonly Flood[]) => Math.min(...floods.map(({ peakBytes }) => peakBytes));
const peak = (floods: readonly Flood[]) => Math.max(...floods.map(({ peakBytes }) => peakBytes));

async function flood(gateway: MortalGateway, client: FloodClient): Promise<Flood> {
  const before = { received: client.received, accounted: client.accounted };
  // The peak is counted anew from here.
  await writeFile(`/proc/${gateway.pid}/clear_refs`, '5');
  const start = performance.now();
  const msgId = client.execute(`stream ${MESSAGES} ${SIZE_BYTES}`);
  await client.done(msgId, 120_000);
  const perSecond = ((client.received - before.received) * 1000) / (performance.now() - start);
  const accounted = client.accounted - before.accounted;
  return { msgId, accounted, perSecond, peakBytes: await residentPeak(gateway) };
}

async function residentPeak(gateway: MortalGateway): Promise<number> {
  const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}
