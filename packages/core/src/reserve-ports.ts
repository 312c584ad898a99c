import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { throwIfAborted } from './deadline.ts';
import { errorMessage, ProvisionerError } from './errors.ts';
import type { PortRange } from './port-range.ts';
import type { CallOptions } from './provisioner.ts';
import { ResourceStack } from './resource-stack.ts';
import { systemErrorCode } from './system-error.ts';

export interface ReservePortsOptions extends CallOptions {
  readonly count: number;
  /** Address to bind, as the kernel will: `127.0.0.1`. */
  readonly host: string;
  /** Default: any port, 10000..32767 first. */
  readonly range?: PortRange | undefined;
  readonly clock?: Clock | undefined;
}

// A kernel needs some time from being told a port to binding it.
const KEEP_AWAY_MS = 60_000;
const TRIES_PER_PORT = 50;
// Below what Linux (32768) and macOS (49152) give to outgoing connections and to whoever binds port 0: a port from there
// could be taken by any program between our look and the kernel's bind.
const UNCLAIMED: PortRange = { low: 10_000, high: 32_767 };
const TRIES_UNCLAIMED = 40;
// Programs that are started together have numbers that lie close together. Each looks at every sixteenth port first, so
// that two of them which look at the same time do not choose the same before a kernel has bound it.
const STRIPES = 16;
const TRIES_OWN_STRIPE = 20;

// Ports belong to the machine, so what was handed out must be known to the whole program, not to one object.
const handedOut = new Map<number, number>();

/**
 * Finds ports that are free now, all different, and not handed out by this program within the last minute: two kernels
 * that start together must not be told the same port. Nothing holds them afterwards; whoever binds first has them.
 * Errors: `ADDRESS_IN_USE` when the range has not enough of them, `INVALID_ARGUMENT` for a host that is not local.
 */
export async function reservePorts(options: ReservePortsOptions): Promise<readonly number[]> {
  const now = (options.clock ?? systemClock).now();
  for (const [port, until] of handedOut) if (until <= now) handedOut.delete(port);
  await using bound = new ResourceStack();
  const ports: number[] = [];
  while (ports.length < options.count) ports.push(await reserveOne(options, bound, now + KEEP_AWAY_MS));
  return ports;
}

async function reserveOne(options: ReservePortsOptions, bound: ResourceStack, until: number): Promise<number> {
  const { host, range, signal } = options;
  for (let tries = 0; tries < TRIES_PER_PORT; tries += 1) {
    throwIfAborted(signal);
    const wanted = candidate(tries, range);
    if (handedOut.has(wanted)) continue;
    const server = await listen(host, wanted);
    if (server === undefined) continue;
    // Kept until all are found, so that the system gives another port each time, refused ones included.
    bound.defer(() => close(server));
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    if (handedOut.has(port)) continue;
    handedOut.set(port, until);
    return port;
  }
  const where = range === undefined ? 'on this machine' : `within range ${String(range.low)}..${String(range.high)}`;
  throw new ProvisionerError(
    'ADDRESS_IN_USE',
    `no free port was found ${where} after ${String(TRIES_PER_PORT)} tries; widen the range or end some kernels`,
  );
}

/** 0: whatever the system gives. */
function candidate(tries: number, range: PortRange | undefined): number {
  if (range !== undefined) return randomInt(range.low, range.high + 1);
  const { low, high } = UNCLAIMED;
  if (tries < TRIES_OWN_STRIPE) {
    return low + STRIPES * randomInt(Math.floor((high - low + 1) / STRIPES)) + (process.pid % STRIPES);
  }
  return tries < TRIES_UNCLAIMED ? randomInt(low, high + 1) : 0;
}

/** Undefined when the port is taken. */
async function listen(host: string, port: number): Promise<Server | undefined> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
    return server;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EADDRINUSE' || code === 'EACCES') return undefined;
    const message = `no port can be bound on ${JSON.stringify(host)}: ${errorMessage(error)}`;
    throw new ProvisionerError('INVALID_ARGUMENT', message, { cause: error });
  }
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
