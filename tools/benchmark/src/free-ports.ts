import { once } from 'node:events';
import { createServer } from 'node:net';

/** Loopback ports that were free a moment ago, all at once so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return address === null || typeof address === 'string' ? 0 : address.port;
  });
  for (const server of servers) server.close();
  return ports;
}
