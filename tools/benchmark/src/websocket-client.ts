import { once } from 'node:events';
import { WebSocket } from 'ws';
import { header, readHeaders, session } from './client.ts';
import type { Arrival, BenchmarkClient, Request } from './client.ts';

const V1 = 'v1.kernel.websocket.jupyter.org';

/** A client of any server with Jupyter's WebSocket; speaks v1 where the server does, else the default framing. */
export async function websocketClient(channelsUrl: string, token: string): Promise<BenchmarkClient> {
  const socket = new WebSocket(`${channelsUrl}?session_id=${session}`, [V1], {
    headers: { Authorization: `token ${token}` },
    maxPayload: 0,
    perMessageDeflate: false,
  });
  await once(socket, 'open');
  const v1 = socket.protocol === V1;
  const client: BenchmarkClient = {
    onArrival: () => undefined,
    send(request) {
      socket.send(v1 ? encodeV1(request) : encodeDefault(request));
    },
    close() {
      socket.terminate();
    },
  };
  socket.on('message', (data: Buffer) => {
    client.onArrival(v1 ? decodeV1(data) : decodeDefault(data));
  });
  return client;
}

function encodeV1(request: Request): Buffer {
  const segments = [request.channel, JSON.stringify(header(request)), '{}', '{}', JSON.stringify(request.content)].map(
    (text) => Buffer.from(text),
  );
  const count = segments.length + 1;
  const head = Buffer.alloc(8 * (1 + count));
  head.writeBigUInt64LE(BigInt(count), 0);
  let offset = head.length;
  for (const [index, segment] of [...segments, Buffer.alloc(0)].entries()) {
    head.writeBigUInt64LE(BigInt(offset), 8 * (1 + index));
    offset += segment.length;
  }
  return Buffer.concat([head, ...segments]);
}

function decodeV1(data: Buffer): Arrival {
  const segment = (index: number): Buffer =>
    data.subarray(Number(data.readBigUInt64LE(8 * (1 + index))), Number(data.readBigUInt64LE(8 * (2 + index))));
  return readHeaders({
    channel: segment(0).toString('latin1'),
    header: segment(1),
    parent: segment(2),
    content: segment(4),
  });
}

function encodeDefault(request: Request): string {
  const { channel, content } = request;
  return JSON.stringify({ channel, header: header(request), parent_header: {}, metadata: {}, content });
}

interface DefaultMessage {
  readonly channel: string;
  readonly msg_type: string;
  readonly parent_header: { readonly msg_id?: string };
  readonly content: unknown;
}

function decodeDefault(data: Buffer): Arrival {
  const message = JSON.parse(data.toString()) as DefaultMessage;
  return {
    channel: message.channel,
    msgType: message.msg_type,
    parentId: message.parent_header.msg_id ?? '',
    content: Buffer.from(JSON.stringify(message.content)),
  };
}
