import { randomUUID } from 'node:crypto';

/** What a measurement needs to know of a message; read without parsing content. */
export interface Arrival {
  readonly channel: string;
  readonly msgType: string;
  readonly parentId: string;
  readonly content: Buffer;
}

/** One connection to one kernel, by whatever way. */
export interface BenchmarkClient {
  /** Called for every message; set by the measurement that runs. */
  onArrival: (arrival: Arrival) => void;
  send(request: Request): void;
  close(): void;
}

export interface Request {
  readonly channel: 'shell' | 'control';
  readonly msgId: string;
  readonly msgType: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export const session = randomUUID();

export function header(request: Request): Readonly<Record<string, string>> {
  return {
    msg_id: request.msgId,
    msg_type: request.msgType,
    session,
    username: 'benchmark',
    date: new Date().toISOString(),
    version: '5.4',
  };
}

export function executeRequest(code: string): Request {
  const content = { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
  return { channel: 'shell', msgId: randomUUID(), msgType: 'execute_request', content };
}

export function kernelInfoRequest(): Request {
  return { channel: 'shell', msgId: randomUUID(), msgType: 'kernel_info_request', content: {} };
}

/** Sends a request and settles with the time until its reply on shell, in milliseconds. */
export async function roundTrip(client: BenchmarkClient, request: Request): Promise<number> {
  return await new Promise((resolve) => {
    const start = performance.now();
    client.onArrival = (arrival) => {
      if (arrival.channel === 'shell' && arrival.parentId === request.msgId) resolve(performance.now() - start);
    };
    client.send(request);
  });
}

/**
 * A kernel that is still starting may miss a request: asks until it answers. Settles when all that was asked is answered: a
 * gateway keeps what comes later for the client's return, which then counts as what an idle kernel costs.
 */
export async function waitUntilReady(client: BenchmarkClient): Promise<void> {
  await new Promise<void>((resolve) => {
    let last = kernelInfoRequest();
    const ask = (): void => {
      last = kernelInfoRequest();
      client.send(last);
    };
    const timer = setInterval(ask, 20);
    client.onArrival = (arrival) => {
      if (arrival.msgType !== 'kernel_info_reply') return;
      clearInterval(timer);
      // A kernel answers in order.
      if (arrival.parentId === last.msgId) resolve();
    };
    ask();
  });
}

/** Header and parent header hold few, flat fields: enough is known without parsing more. */
export function readHeaders(parts: {
  readonly channel: string;
  readonly header: Buffer;
  readonly parent: Buffer;
  readonly content: Buffer;
}): Arrival {
  return {
    channel: parts.channel,
    msgType: /"msg_type":\s*"([^"]*)"/.exec(parts.header.toString('latin1'))?.[1] ?? '',
    parentId: /"msg_id":\s*"([^"]*)"/.exec(parts.parent.toString('latin1'))?.[1] ?? '',
    content: parts.content,
  };
}
