import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { withDeadline } from '@gateway-provisioners/core';
import { v1Framing, V1_SUBPROTOCOL, createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import { WebSocket } from 'ws';
import type { RunningServer } from '../support/server-process.ts';

/** A client of the v1 framing that counts and keeps little: for floods. It can stop reading. */
export interface FloodClient extends AsyncDisposable {
  /** Messages received so far. */
  readonly received: number;
  /** Stops reading from the socket, as a client does that hangs. */
  stall(): void;
  resume(): void;
  execute(code: string): string;
  /** Waits for `idle` after the request `msgId`. */
  idle(msgId: string, timeoutMs: number): Promise<void>;
  /** Waits for `idle` and for the reply, which travel on two channels and come in either order. */
  done(msgId: string, timeoutMs: number): Promise<void>;
  /** What the gateway said of messages that this client missed. */
  readonly missed: { readonly messages: number; readonly bytes: number };
  /** Messages that it got or was told of as missed. */
  readonly accounted: number;
}

/** What is larger is output, and only counted: a client that is slow itself would blur what the gateway does. */
const MAX_DECODED_BYTES = 2_000;

/** `returns`: whether it has a session id for the gateway to keep messages for when it has left; default true. */
export async function openFloodClient(
  server: RunningServer,
  kernelId: string,
  { returns = true }: { readonly returns?: boolean } = {},
): Promise<FloodClient> {
  const session = randomUUID();
  const query = returns ? `?session_id=${session}` : '';
  const url = new URL(`api/kernels/${kernelId}/channels${query}`, server.url.replace(/^http/, 'ws'));
  const socket = new WebSocket(url, [V1_SUBPROTOCOL], {
    headers: { Authorization: `token ${server.token}` },
    maxPayload: 0,
  });
  let received = 0;
  let messages = 0;
  let bytes = 0;
  let markers = 0;
  const seen = new Set<string>();
  const waiting = new Map<string, () => void>();
  const note = (event: string): void => {
    seen.add(event);
    waiting.get(event)?.();
  };
  const noted = async (event: string, timeoutMs: number): Promise<void> => {
    if (seen.has(event)) return;
    await withDeadline({ what: event, timeoutMs }, () => new Promise<void>((resolve) => waiting.set(event, resolve)));
  };
  socket.on('message', (data: Buffer) => {
    received += 1;
    if (data.length > MAX_DECODED_BYTES) return;
    const message = v1Framing.decode(data);
    const dropped = droppedOf(message);
    messages += dropped.messages;
    if (dropped.messages > 0) markers += 1;
    bytes += dropped.bytes;
    const parent = message.parentHeader.msg_id ?? '';
    const { msg_type: type } = message.header;
    if (type === 'status' && message.parseContent()['execution_state'] === 'idle') note(`idle of ${parent}`);
    else if (type === 'execute_reply') note(`reply to ${parent}`);
  });
  await withDeadline({ what: 'open WebSocket', timeoutMs: 30_000 }, () => once(socket, 'open'));
  return {
    get received() {
      return received;
    },
    get missed() {
      return { messages, bytes };
    },
    get accounted() {
      return received - markers + messages;
    },
    stall: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
    execute(code) {
      const content = { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
      const message = createMessage({ channel: 'shell', msgType: 'execute_request', content, session });
      socket.send(v1Framing.encode(message));
      return message.header.msg_id;
    },
    async idle(msgId, timeoutMs) {
      await noted(`idle of ${msgId}`, timeoutMs);
    },
    async done(msgId, timeoutMs) {
      await Promise.all([noted(`idle of ${msgId}`, timeoutMs), noted(`reply to ${msgId}`, timeoutMs)]);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close');
      socket.resume();
      socket.terminate();
      await closed;
    },
  };
}

function droppedOf(message: KernelMessage): { readonly messages: number; readonly bytes: number } {
  const mark = message.parts.metadata.includes('dropped_messages')
    ? message.parseMetadata()['gateway_provisioners']
    : undefined;
  if (typeof mark !== 'object' || mark === null || !('dropped_messages' in mark)) return { messages: 0, bytes: 0 };
  const bytes = 'dropped_bytes' in mark ? Number(mark.dropped_bytes) : 0;
  return { messages: Number(mark.dropped_messages), bytes };
}
