import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { freePort } from '@gateway-provisioners/core/testing';
import { isConnectedToItself } from './dial.ts';

const host = '127.0.0.1';

test('a socket that the system connected to itself is told from one that has a peer', async () => {
  // What happens by chance when the port is one of those that the system gives to outgoing connections.
  const port = await freePort();
  const alone = connect({ host, port, localAddress: host, localPort: port });
  await once(alone, 'connect');
  expect(isConnectedToItself(alone)).toBe(true);
  alone.resetAndDestroy();

  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  const client = connect(typeof address === 'object' ? (address?.port ?? 0) : 0, host);
  await once(client, 'connect');
  expect(isConnectedToItself(client)).toBe(false);
  client.destroy();
  server.close();
  await once(server, 'close');
});
