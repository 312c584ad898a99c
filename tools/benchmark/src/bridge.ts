/**
 * The least that can stand between a kernel and a WebSocket: SUB → HMAC → `ws`, with zeromq.js, no queues, no limits, no
 * sessions. The yardstick for floods. Run with a connection file; prints its URL.
 */
import { createHmac, createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import * as zmq from 'zeromq';

interface ConnectionFile {
  readonly ip: string;
  readonly key: string;
  readonly shell_port: number;
  readonly iopub_port: number;
}

const info = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ConnectionFile;
const key = createSecretKey(Buffer.from(info.key));
const sockets = new Set<WebSocket>();
const options = { linger: 0, receiveHighWaterMark: 0 };
const shell = new zmq.Dealer(options);
const iopub = new zmq.Subscriber(options);
shell.connect(`tcp://${info.ip}:${info.shell_port}`);
iopub.connect(`tcp://${info.ip}:${info.iopub_port}`);
iopub.subscribe();

const forward = async (channel: string, socket: AsyncIterable<Buffer[]>): Promise<void> => {
  for await (const frames of socket) {
    const at = frames.findIndex((frame) => frame.toString('latin1') === '<IDS|MSG>');
    const parts = frames.slice(at + 2);
    if (sign(parts) !== frames[at + 1]?.toString('latin1')) continue;
    const frame = encode(channel, parts);
    for (const client of sockets) client.send(frame);
  }
};

function sign(parts: readonly Buffer[]): string {
  const hmac = createHmac('sha256', key);
  for (const part of parts.slice(0, 4)) hmac.update(part);
  return hmac.digest('hex');
}

function encode(channel: string, parts: readonly Buffer[]): Buffer {
  const segments = [Buffer.from(channel), ...parts];
  const head = Buffer.alloc(8 * (2 + segments.length));
  head.writeBigUInt64LE(BigInt(segments.length + 1), 0);
  let offset = head.length;
  head.writeBigUInt64LE(BigInt(offset), 8);
  for (const [index, segment] of segments.entries()) {
    offset += segment.length;
    head.writeBigUInt64LE(BigInt(offset), 8 * (2 + index));
  }
  return Buffer.concat([head, ...segments]);
}

let sending = Promise.resolve();
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  maxPayload: 0,
  perMessageDeflate: false,
  handleProtocols: () => 'v1.kernel.websocket.jupyter.org',
});
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('message', (data: Buffer) => {
    const at = (index: number): number => Number(data.readBigUInt64LE(8 * (1 + index)));
    const parts = [1, 2, 3, 4].map((index) => data.subarray(at(index), at(index + 1)));
    sending = sending.then(() => shell.send(['<IDS|MSG>', sign(parts), ...parts]));
  });
});
server.on('listening', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') console.log(`ws://127.0.0.1:${address.port}/channels`);
});
void forward('shell', shell);
void forward('iopub', iopub);
