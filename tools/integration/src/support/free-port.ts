import { reservePorts } from '@gateway-provisioners/core';

/** A loopback port that nobody listened on a moment ago: for servers that cannot be told to choose and say. */
export async function freePort(): Promise<number> {
  const [port] = await reservePorts({ count: 1, host: '127.0.0.1' });
  if (port === undefined) throw new Error('no TCP port');
  return port;
}
