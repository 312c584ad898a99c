import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { configFromEnv, openDockerEngine } from './index.ts';

test('a connection that nothing goes over is closed by us, and the next call makes another', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gp-engine-'));
  const path = join(folder, 'engine.sock');
  const sockets: Socket[] = [];
  // It would keep connections for ever.
  const server = createServer({ keepAliveTimeout: 0 }, (_, response) => {
    response.setHeader('Content-Type', 'application/json').end('{"ApiVersion":"1.41","Version":"x"}');
  }).listen(path);
  server.on('connection', (socket: Socket) => sockets.push(socket));
  await once(server, 'listening');
  const engine = openDockerEngine(await configFromEnv({ DOCKER_HOST: `unix://${path}` }));
  try {
    await engine.ping();
    const [first] = sockets;
    if (first === undefined) throw new Error('nobody has connected');
    if (!first.destroyed) await once(first, 'close');
    await engine.ping();
    expect(sockets.length).toBeGreaterThan(1);
  } finally {
    await engine[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
});
