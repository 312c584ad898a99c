import { once } from 'node:events';
import { connect } from 'node:net';
import { reservePorts } from '../reserve-ports.ts';

/** A loopback port that nobody listened on a moment ago: for servers that cannot be told to choose and say. */
export async function freePort(): Promise<number> {
  const [port] = await reservePorts({ count: 1, host: '127.0.0.1' });
  if (port === undefined) throw new Error('no TCP port');
  return port;
}

/** Whether somebody takes connections at a loopback port. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
