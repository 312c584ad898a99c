import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import { finished } from 'node:stream/promises';
import { withDeadline } from '@gateway-provisioners/core';

export interface SendPayloadOptions {
  readonly host?: string;
  readonly port: number;
  /** Ends our side after the payload, as launchers of version 1 do. Default true. */
  readonly end?: boolean;
}

/** Sends a payload as a launcher does and returns all that comes back until the listener closes. */
export async function sendPayload(payload: string | Uint8Array, options: SendPayloadOptions): Promise<string> {
  const { host = '127.0.0.1', port, end = true } = options;
  const socket = connect({ host, port, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => {
    chunks.push(chunk);
  });
  try {
    return await withDeadline({ what: 'the listener to close', timeoutMs: 15_000 }, async ({ signal }) => {
      if (end) socket.end(payload);
      else socket.write(payload);
      await finished(socket, { writable: false, signal });
      return Buffer.concat(chunks).toString();
    });
  } finally {
    socket.destroy();
  }
}
