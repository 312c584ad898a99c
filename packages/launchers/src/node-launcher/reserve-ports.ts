import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { LauncherError } from './launcher-error.ts';
import type { PortRange } from './port-range.ts';

// Below what systems give to outgoing connections and to whoever binds port 0: nobody takes such a port by chance
// between our look and the kernel's bind.
const UNCLAIMED: PortRange = { low: 10_000, high: 32_767 };
const TRIES_PER_PORT = 50;
const TRIES_UNCLAIMED = 40;

/** Ports that are held until the kernel may have them, and the server that keeps the last one. */
export interface ReservedPorts {
  readonly kernelPorts: readonly number[];
  readonly commPort: number;
  /** Listens on `commPort` and goes on doing so. */
  readonly commServer: Server;
  /** Lets the kernel's ports go. */
  release(): Promise<void>;
}

/** Different free ports, bound at once on all addresses. Errors: {@link LauncherError} when there are not enough. */
export async function reservePorts(count: number, range: PortRange | undefined): Promise<ReservedPorts> {
  const held: { readonly server: Server; readonly port: number }[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(held.splice(0).map(({ server }) => closeServer(server)));
  };
  try {
    while (held.length < count + 1) held.push(await reserveOne(range));
  } catch (error) {
    await release();
    throw error;
  }
  const comm = held.pop();
  if (comm === undefined) throw new LauncherError('no port was reserved');
  return { kernelPorts: held.map(({ port }) => port), commPort: comm.port, commServer: comm.server, release };
}

async function reserveOne(range: PortRange | undefined): Promise<{ readonly server: Server; readonly port: number }> {
  for (let tries = 0; tries < TRIES_PER_PORT; tries += 1) {
    const { low, high } = range ?? UNCLAIMED;
    const wanted = tries < TRIES_UNCLAIMED || range !== undefined ? randomInt(low, high + 1) : 0;
    const server = await listen(wanted);
    const address = server?.address();
    if (server !== undefined && typeof address === 'object' && address !== null) return { server, port: address.port };
  }
  const where =
    range === undefined ? 'on this machine' : `in the port range ${String(range.low)}..${String(range.high)}`;
  throw new LauncherError(`no free port was found ${where} after ${String(TRIES_PER_PORT)} tries`);
}

/** Undefined when the port is taken. */
async function listen(port: number): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true });
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(new LauncherError(`no port can be bound: ${error.message}`));
    });
    server.listen({ host: '0.0.0.0', port, exclusive: true }, () => {
      resolve(server);
    });
  });
}

async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
