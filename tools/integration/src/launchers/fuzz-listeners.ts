import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { Duplex, Transform, pipeline } from 'node:stream';
import { isProvisionerError } from '@gateway-provisioners/core';
import type { CommChannel, CommState, DialComm } from '@gateway-provisioners/core';
import { SeededRandom } from '@gateway-provisioners/core/testing';
import type { FuzzReport, FuzzTarget } from '@gateway-provisioners/core/testing';
import { dialTcp, openComm } from '@gateway-provisioners/launcher-protocol';
import { until } from '../support/until.ts';
import { LauncherBench } from './launcher-bench.ts';
import { listenerPrograms } from './listener-programs.ts';

type Random = () => number;

interface FuzzedListener {
  readonly program: keyof typeof listenerPrograms;
  readonly protocol: 1 | 2;
}

/**
 * The comm ports of our launchers' listeners, real processes, each beside a child that stands for a kernel. What the
 * fuzzer sends must not end either, nor keep an honest request from being answered. Needs their interpreters, no kernel.
 */
export const listenerFuzzTargets: readonly FuzzTarget[] = [
  target('python-listener-v1', { program: 'python', protocol: 1 }),
  target('python-listener-v2', { program: 'python', protocol: 2 }),
  target('node-listener', { program: 'node', protocol: 1 }, { program: 'node', protocol: 2 }),
  target('r-listener', { program: 'r', protocol: 2 }),
];

/** The listeners share the time. */
function target(name: string, ...listeners: readonly FuzzedListener[]): FuzzTarget {
  return {
    name,
    async run(seed, durationMs) {
      const total = { runs: 0, accepted: 0 };
      for (const listener of listeners) {
        const { runs, accepted } = await fuzz(listener, seed, durationMs / listeners.length);
        total.runs += runs;
        total.accepted += accepted;
      }
      return total;
    },
  };
}

async function fuzz({ program, protocol }: FuzzedListener, seed: number, durationMs: number): Promise<FuzzReport> {
  const numbers = new SeededRandom(seed);
  const random: Random = () => numbers.fraction();
  await using bench = await LauncherBench.start();
  const launched = await bench.launch({ protocol, argv: listenerPrograms[program] });
  const answer = await launched.answer();
  if (answer.comm === undefined || answer.pid === undefined) throw new Error('no listener');
  const { comm, pid } = answer;
  const before = await kept(launched.pid);
  const recorded: Buffer[] = [];
  const endsAt = performance.now() + durationMs;
  let runs = 0;
  let accepted = 0;
  for (; runs < 30 || performance.now() < endsAt; runs += 1) {
    const where = `run ${String(runs)} of seed ${String(seed)}`;
    const hostile = Array.from({ length: 1 + Math.floor(random() * 6) }, async () => {
      await (protocol === 2 && random() < 0.5
        ? askOddly(comm.state, recorded, random)
        : sendOddly(comm.state.port, protocol === 1 ? oddRequest(random) : oddLine(recorded, random), random));
    });
    if (!(await isAnswered(comm, protocol))) throw new Error(`${where}: an honest request was not answered`);
    accepted += 1;
    await Promise.all(hostile);
    if (launched.child.exitCode !== null) throw new Error(`${where}: the listener ended: ${launched.stderr.text}`);
    process.kill(pid, 0); // Throws when the kernel has been ended.
  }
  await expectNothingKept(launched.pid, before);
  if (launched.stderr.text !== '') throw new Error(`the listener complained: ${launched.stderr.text}`);
  return { runs, accepted };
}

async function isAnswered(comm: CommChannel, protocol: 1 | 2): Promise<boolean> {
  return protocol === 2 ? (await comm.status())?.alive === true : await comm.signal(0);
}

/** JSON that is none of version 1's requests, or cut off, and other bytes. None of it may reach the kernel as a signal. */
function oddRequest(random: Random): Buffer {
  const number = Math.floor(random() * 4_000_000_000) - 2_000_000_000;
  const values = ['null', 'true', '[]', '{}', '""', '"x"', '1e999', String(-1 - Math.abs(number)), '65', '"99999"'];
  const value = pick(values, random);
  const whole = pick(
    [
      `{"signum": ${value}}`,
      `{"signum": ${value}, "shutdown": 0}`,
      `[{"signum": 9}]`,
      `{"signal": ${value}}`,
      '['.repeat(Math.floor(random() * 30_000)),
      `{"signum": "${'9'.repeat(Math.floor(random() * 20_000) + 100)}"}`,
    ],
    random,
  );
  if (random() < 0.3) return randomBytes(random);
  // Without its last character at least, `{"signum": 9}` is not JSON.
  return Buffer.from(random() < 0.5 ? whole : `{"signum": 9}`.slice(0, Math.floor(random() * 13)));
}

/** What was said on another connection, whole or changed, and other bytes. */
function oddLine(recorded: readonly Buffer[], random: Random): Buffer {
  const old = recorded[Math.floor(random() * recorded.length)];
  if (old === undefined || random() < 0.2) return randomBytes(random);
  return random() < 0.5 ? old : mutate(old, random);
}

/** An honest request on a connection that changes what is sent. */
async function askOddly(state: CommState, recorded: Buffer[], random: Random): Promise<void> {
  const dial: DialComm = async (address, options) => {
    const socket = await dialTcp(address, options);
    const change = new Transform({
      transform(chunk: Buffer, _, done) {
        recorded.push(chunk);
        if (recorded.length > 50) recorded.shift();
        done(null, mutate(chunk, random));
      },
    });
    const changed = Duplex.from({ readable: socket, writable: change });
    // The listener resets what it did not read to the end.
    pipeline(change, socket, () => undefined);
    changed.on('error', () => undefined);
    return changed;
  };
  try {
    // Not one that would end the kernel: a change may be to white space, which changes nothing.
    await openComm(state, { dial, timeoutMs: 300 }).signal(0);
  } catch (error) {
    if (!isProvisionerError(error, 'KERNEL_UNREACHABLE') && !isProvisionerError(error, 'PROTOCOL_ERROR')) throw error;
  }
}

async function sendOddly(port: number, data: Buffer, random: Random): Promise<void> {
  const socket: Socket = connect({ host: '127.0.0.1', port });
  // Resets are what is wanted here.
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await Promise.race([closed, new Promise((resolve) => socket.on('connect', resolve))]);
  for (let at = 0; at < data.length;) {
    const size = 1 + Math.floor(random() * data.length);
    socket.write(data.subarray(at, at + size));
    at += size;
    await new Promise(setImmediate);
  }
  const end = random();
  socket.resume();
  if (end < 0.5) socket.end();
  else if (end < 0.8) socket.resetAndDestroy();
  else socket.destroy();
  // One that the listener reads on is closed by us: it has ten seconds.
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 50))]);
  socket.destroy();
}

interface Kept {
  readonly descriptors: number;
  readonly threads: number;
}

async function kept(pid: number): Promise<Kept> {
  if (process.platform !== 'linux') return { descriptors: 0, threads: 0 };
  const count = async (folder: string) => (await readdir(`/proc/${String(pid)}/${folder}`)).length;
  return { descriptors: await count('fd'), threads: await count('task') };
}

/** Of connections that are over, neither descriptors nor threads are kept: a few are what runtimes start late. */
async function expectNothingKept(pid: number, before: Kept): Promise<void> {
  await until({ what: 'the listener to let go of closed connections', timeoutMs: 30_000 }, async () => {
    const now = await kept(pid);
    return now.descriptors < before.descriptors + 15 && now.threads < before.threads + 8;
  });
}

function pick<T>(values: readonly [T, ...T[]] | readonly T[], random: Random): T {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('nothing to pick from');
  return value;
}

function randomBytes(random: Random): Buffer {
  return Buffer.from(Array.from({ length: Math.floor(random() * 3000) }, () => Math.floor(random() * 256)));
}

/** At least one byte of a line is another, missing, or too many. */
function mutate(data: Buffer, random: Random): Buffer {
  const bytes = [...data];
  for (let count = 1 + Math.floor(random() * 4); count > 0; count -= 1) {
    const at = Math.floor(random() * bytes.length);
    const how = random();
    if (how < 0.5) bytes[at] = ((bytes[at] ?? 0) + 1 + Math.floor(random() * 255)) % 256;
    else if (how < 0.75) bytes.splice(at, 1 + Math.floor(random() * 8));
    else bytes.splice(at, 0, Math.floor(random() * 256));
  }
  return Buffer.from(bytes);
}
