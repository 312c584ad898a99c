import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { isProvisionerError, systemClock, withDeadline } from '@gateway-provisioners/core';
import type { CommChannel, CommState } from '@gateway-provisioners/core';
import { SeededRandom, mutateText } from '@gateway-provisioners/core/testing';
import type { FuzzReport, FuzzTarget } from '@gateway-provisioners/core/testing';
import { openComm } from '../comm/open-comm.ts';
import { createResponseListener } from '../listener/create-response-listener.ts';
import { answerAsLauncher, launcherFields } from './fake-launcher.ts';
import { FakeCommV2 } from './fake-comm-v2.ts';
import { encodeVersion1, encodeVersion2, readLauncherV2 } from './launcher-payloads.ts';

/** Both ends of both protocols with real sockets: odd bytes in odd pieces, ends and resets at any point. */
export const peerFuzzTargets: readonly FuzzTarget[] = [
  { name: 'listener-socket', run: fuzzListener },
  { name: 'comm-client-v1', run: (seed, durationMs) => fuzzClient(1, seed, durationMs) },
  { name: 'comm-client-v2', run: (seed, durationMs) => fuzzClient(2, seed, durationMs) },
];

async function fuzzListener(seed: number, durationMs: number): Promise<FuzzReport> {
  const random = new SeededRandom(seed);
  const endsAt = performance.now() + durationMs;
  await using listener = await createResponseListener({ address: '127.0.0.1', port: 0, connectionTimeoutMs: 5000 });
  let runs = 0;
  for (; runs < 20 || performance.now() < endsAt; runs += 1) {
    const kernelId = `fuzz-${runs}`;
    await using launch = await listener.expect(kernelId, { deadline: systemClock.now() + 20_000 });
    const { parameters } = launch;
    const fields = launcherFields(kernelId);
    const hostile = Array.from({ length: 1 + random.below(5) }, async () => {
      const valid =
        random.below(2) === 0
          ? encodeVersion1(fields, parameters.public.publicKey)
          : encodeVersion2(fields, readLauncherV2(parameters.secret.launcherV2)).payload;
      // A prefix at most, so that none of them is the answer.
      const cut = valid.slice(0, random.below(valid.length - 40));
      await sendOddly(random.below(2) === 0 ? cut : mutateText(cut, random), { port: listener.port, random });
    });
    await answerAsLauncher(parameters, { version: random.pick([1, 2] as const), fields: { pid: runs + 1 } });
    const { pid } = await launch.answer;
    if (pid !== runs + 1) throw new Error(`listener-socket: run ${runs} of seed ${seed}: another one's answer`);
    await Promise.all(hostile);
  }
  const { accepted } = listener.counters;
  return { runs: listener.counters.connections, accepted: accepted.version1 + accepted.version2 };
}

async function sendOddly(text: string, { port, random }: { port: number; random: SeededRandom }): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  const end = random.pick(['end', 'reset', 'destroy'] as const);
  const pieces = pieceSizes(text.length, random);
  // Not `once`, which rejects at an error: a reset is as good an end as any.
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await Promise.race([closed, new Promise((resolve) => socket.on('connect', resolve))]);
  let at = 0;
  for (const size of pieces) {
    socket.write(text.slice(at, at + size));
    at += size;
    await new Promise(setImmediate);
  }
  socket.resume();
  if (end === 'end') socket.end();
  else if (end === 'reset') socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

function pieceSizes(length: number, random: SeededRandom): number[] {
  return Array.from({ length: 1 + random.below(3) }, () => 1 + random.below(length + 1));
}

async function fuzzClient(version: 1 | 2, seed: number, durationMs: number): Promise<FuzzReport> {
  const random = new SeededRandom(seed);
  const endsAt = performance.now() + durationMs;
  const key = randomBytes(32);
  const kernelId = 'fuzz';
  const rewriteReply = (line: string): string => (random.below(2) === 0 ? line : mutateText(line, random));
  await using honest = await FakeCommV2.start({ kernelId, key, rewriteReply });
  const hostile = createServer((socket) => {
    behaveOddly(socket, random);
  });
  hostile.listen(0, '127.0.0.1');
  await once(hostile, 'listening');
  const address = hostile.address();
  const hostilePort = address !== null && typeof address === 'object' ? address.port : 0;
  let runs = 0;
  let accepted = 0;
  try {
    for (; runs < 30 || performance.now() < endsAt; runs += 1) {
      const port = version === 2 && random.below(2) === 0 ? honest.port : hostilePort;
      const base = { kernelId, host: '127.0.0.1', port };
      const state: CommState = version === 1 ? { version, ...base } : { version, ...base, key: key.toString('base64') };
      const comm = openComm(state, { timeoutMs: 60 });
      // The honest one is to outlive the run.
      const mayEnd = port === hostilePort;
      if (await isAnswered(comm, random, mayEnd)) accepted += 1;
    }
  } finally {
    hostile.close();
  }
  return { runs, accepted };
}

async function isAnswered(comm: CommChannel, random: SeededRandom, mayEnd: boolean): Promise<boolean> {
  const call = random.pick<() => Promise<unknown>>([
    () => comm.signal(random.below(65)),
    () => comm.isAlive(),
    () => comm.status(),
    () => (mayEnd ? comm.shutdown() : comm.status()),
  ]);
  try {
    // Whatever the peer does, a call comes back.
    await withDeadline({ what: 'the call', timeoutMs: 5000 }, call);
    return true;
  } catch (error) {
    if (isProvisionerError(error, 'KERNEL_UNREACHABLE') || isProvisionerError(error, 'PROTOCOL_ERROR')) return false;
    throw error;
  }
}

function behaveOddly(socket: Socket, random: SeededRandom): void {
  socket.on('error', () => undefined);
  const hello = `${JSON.stringify({ version: 2, challenge: Buffer.alloc(32).toString('base64') })}\n`;
  socket.write(random.pick(['', 'x', '\n', hello, hello + hello, mutateText(hello, random), 'y'.repeat(70_000)]));
  const after = random.pick(['end', 'reset', 'echo', 'read'] as const);
  if (after === 'end') socket.end();
  else if (after === 'reset') socket.resetAndDestroy();
  else if (after === 'echo') socket.pipe(socket);
  else socket.resume();
}
