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
  /** What the gateway said of messages that this client missed. */
  readonly missed: { readonly messages: number; readonly bytes: number };
}

export async function openFloodClient(server: RunningServer, kernelId: string): Promise<FloodClient> {
  const session = randomUUID();
  const url = new URL(`api/kernels/${kernelId}/channels?session_id=${session}`, server.url.replace(/^http/, 'ws'));
  const socket = new WebSocket(url, [V1_SUBPROTOCOL], {
    headers: { Authorization: `token ${server.token}` },
    maxPayload: 0,
  });
  let received = 0;
  let messages = 0;
  let bytes = 0;
  const idles = new Set<string>();
  const waiting = new Map<string, () => void>();
  socket.on('message', (data: Buffer) => {
    received += 1;
    const message = v1Framing.decode(data);
    const dropped = droppedOf(message);
    messages += dropped.messages;
    bytes += dropped.bytes;
    const parent = message.parentHeader.msg_id ?? '';
    if (message.header.msg_type === 'status' && message.parseContent()['execution_state'] === 'idle') {
      idles.add(parent);
      waiting.get(parent)?.();
    }
  });
  await withDeadline({ what: 'open WebSocket', timeoutMs: 30_000 }, () => once(socket, 'open'));
  return {
    get received() {
      return received;
    },
    get missed() {
      return { messages, bytes };
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
      if (idles.has(msgId)) return;
      await withDeadline(
        { what: 'idle', timeoutMs },
        () => new Promise<void>((resolve) => waiting.set(msgId, resolve)),
      );
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
