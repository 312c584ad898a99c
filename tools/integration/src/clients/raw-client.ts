import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { withDeadline } from '@gateway-provisioners/core';
import { WebSocket } from 'ws';
import type { RunningServer } from '../support/server-process.ts';

/** A message of the default framing, as far as the tests look at it. */
export interface RawMessage {
  readonly channel: string;
  readonly header: { readonly msg_id: string; readonly msg_type: string };
  readonly parent_header: { readonly msg_id?: string };
  readonly content: Readonly<Record<string, unknown>>;
}

/** One WebSocket and nothing else: it never reconnects, so that a dropped connection shows. */
export interface RawClient extends AsyncDisposable {
  readonly messages: readonly RawMessage[];
  /** Undefined while the server has not closed the connection. */
  readonly closed: { readonly code: number; readonly reason: string } | undefined;
  /** Sends a request and returns its id. */
  send(channel: string, msgType: string, content: Readonly<Record<string, unknown>>): string;
  /** The first message, received already or not, that `accept` takes. */
  message(accept: (message: RawMessage) => boolean, what: string): Promise<RawMessage>;
}

export async function openRawClient(options: {
  readonly server: RunningServer;
  readonly kernelId: string;
}): Promise<RawClient> {
  const url = new URL(`api/kernels/${options.kernelId}/channels`, options.server.url.replace(/^http/, 'ws'));
  const headers = options.server.token === '' ? {} : { Authorization: `token ${options.server.token}` };
  const socket = new WebSocket(url, { headers });
  const messages: RawMessage[] = [];
  const listeners = new Set<() => void>();
  const state: { closed: RawClient['closed'] } = { closed: undefined };
  socket.on('message', (data: Buffer) => {
    // The tests that use this client make the kernel send no buffers, so every frame is text.
    messages.push(JSON.parse(data.toString('utf8')) as RawMessage);
    for (const listener of listeners) listener();
  });
  socket.on('close', (code, reason) => {
    state.closed = { code, reason: reason.toString('utf8') };
    for (const listener of listeners) listener();
  });
  await withDeadline({ what: 'open WebSocket', timeoutMs: 30_000 }, () => once(socket, 'open'));
  return {
    messages,
    get closed() {
      return state.closed;
    },
    send(channel, msgType, content) {
      const msgId = randomUUID();
      const header = { msg_id: msgId, msg_type: msgType, session: '', username: '', version: '5.4' };
      socket.send(JSON.stringify({ channel, header, parent_header: {}, metadata: {}, content }));
      return msgId;
    },
    async message(accept, what) {
      let stopListening: (() => void) | undefined;
      try {
        return await withDeadline({ what, timeoutMs: 60_000 }, () => {
          return new Promise<RawMessage>((resolve, reject) => {
            const look = (): void => {
              const found = messages.find(accept);
              if (found !== undefined) resolve(found);
              else if (state.closed !== undefined) reject(new Error(`closed with ${state.closed.code} before ${what}`));
            };
            listeners.add(look);
            stopListening = () => listeners.delete(look);
            look();
          });
        });
      } finally {
        stopListening?.();
      }
    },
    async [Symbol.asyncDispose]() {
      if (state.closed !== undefined) return;
      const closed = once(socket, 'close');
      socket.close();
      await withDeadline({ what: 'close WebSocket', timeoutMs: 5_000 }, () => closed).catch(() => {
        socket.terminate();
      });
    },
  };
}
