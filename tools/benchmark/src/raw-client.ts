import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import * as zmq from 'zeromq';
import { header, readHeaders } from './client.ts';
import type { Arrival, BenchmarkClient, Request } from './client.ts';

interface ConnectionFile {
  readonly ip: string;
  readonly key: string;
  readonly shell_port: number;
  readonly iopub_port: number;
}

const DELIMITER = '<IDS|MSG>';

/** The least that a zeromq.js program can do to talk to a kernel: the yardstick. */
export async function rawClient(
  connectionFile: string,
  { reconnectIntervalMs }: { readonly reconnectIntervalMs?: number } = {},
): Promise<BenchmarkClient> {
  const info = JSON.parse(await readFile(connectionFile, 'utf8')) as ConnectionFile;
  // libzmq tries again every 100 ms by default, which is too coarse for a kernel that is not listening yet.
  const reconnect = reconnectIntervalMs === undefined ? {} : { reconnectInterval: reconnectIntervalMs };
  const options = { linger: 0, receiveHighWaterMark: 0, ...reconnect };
  const shell = new zmq.Dealer({ ...options, routingId: 'benchmark' });
  const iopub = new zmq.Subscriber(options);
  shell.connect(`tcp://${info.ip}:${info.shell_port}`);
  iopub.connect(`tcp://${info.ip}:${info.iopub_port}`);
  iopub.subscribe();
  let sending = Promise.resolve();
  let isClosed = false;
  const client: BenchmarkClient = {
    onArrival: () => undefined,
    send(request) {
      const parts = encode(request);
      const signature = createHmac('sha256', info.key).update(parts.join('')).digest('hex');
      // What still waits when it is closed is of no use to anybody.
      sending = sending.then(async () => {
        if (!isClosed) await shell.send([DELIMITER, signature, ...parts]);
      });
      sending.catch((error: unknown) => {
        if (!isClosed) throw error;
      });
    },
    close() {
      isClosed = true;
      shell.close();
      iopub.close();
    },
  };
  const pump = async (channel: string, socket: AsyncIterable<Buffer[]>): Promise<void> => {
    for await (const frames of socket) {
      const arrival = decode(channel, frames, info.key);
      if (arrival !== undefined) client.onArrival(arrival);
    }
  };
  void pump('shell', shell);
  void pump('iopub', iopub);
  return client;
}

function encode(request: Request): string[] {
  return [JSON.stringify(header(request)), '{}', '{}', JSON.stringify(request.content)];
}

function decode(channel: string, frames: readonly Buffer[], key: string): Arrival | undefined {
  const at = frames.findIndex((frame) => frame.toString('latin1') === DELIMITER);
  const [signature, head, parent, metadata, content] = frames.slice(at + 1);
  if (!signature || !head || !parent || !metadata || !content) return undefined;
  const hmac = createHmac('sha256', key).update(head).update(parent).update(metadata).update(content).digest('hex');
  if (hmac !== signature.toString('latin1')) throw new Error('bad signature');
  return readHeaders({ channel, header: head, parent, content });
}
