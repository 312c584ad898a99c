import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { z } from 'zod';
import { bindingFields, openBound, MAX_LINE_BYTES } from '../comm/comm-messages.ts';
import type { CommBinding } from '../comm/comm-messages.ts';
import { LineReader } from '../comm/line-reader.ts';
import { jsonBytes } from '../crypto/json.ts';
import { seal } from '../crypto/nacl.ts';
import { sealedLine } from '../payload/version2.ts';

const requestSchema = z.discriminatedUnion('request', [
  z.object({ request: z.enum(['ping', 'shutdown', 'renew']) }),
  z.object({ request: z.literal('signal'), signum: z.int().min(0).max(64) }),
  z.object({ request: z.literal('status'), max_log_bytes: z.int().min(0).optional() }),
]);

export type FakeCommRequest = z.infer<typeof requestSchema>;

export interface FakeCommV2Options {
  readonly kernelId: string;
  readonly key: Uint8Array;
  readonly host?: string;
  /** The challenge of every connection; random by default. */
  readonly challenge?: string;
  /** Replaces the line that is written in reply. */
  readonly rewriteReply?: (line: string) => string;
}

/** A launcher's listener as version 2 specifies it, around a kernel that tests set. */
export class FakeCommV2 implements AsyncDisposable {
  readonly requests: FakeCommRequest[] = [];
  /** Lines that were not authentic. */
  refused = 0;
  exit: { readonly reason: string; readonly exit_code?: number; readonly signal?: string } | undefined;
  logTail = '';
  readonly #options: FakeCommV2Options;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, options: FakeCommV2Options) {
    this.#server = server;
    this.#options = options;
  }

  static async start(options: FakeCommV2Options): Promise<FakeCommV2> {
    const server = createServer({ allowHalfOpen: true });
    const fake = new FakeCommV2(server, options);
    server.on('connection', (socket) => {
      fake.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => fake.#sockets.delete(socket));
      fake
        .#serve(socket)
        .catch(() => undefined)
        .finally(() => socket.end());
    });
    server.listen(0, options.host ?? '127.0.0.1');
    await once(server, 'listening');
    return fake;
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #serve(socket: Socket): Promise<void> {
    const challenge = this.#options.challenge ?? randomBytes(32).toString('base64');
    socket.write(`${JSON.stringify({ version: 2, challenge })}\n`);
    const lines = new LineReader(socket, { maxBytes: MAX_LINE_BYTES });
    for (let seq = 1; ; seq += 1) {
      const line = await lines.next();
      if (line === undefined) return;
      const binding: CommBinding = { kernelId: this.#options.kernelId, challenge, seq };
      const fields = openBound(line, { ...binding, to: 'launcher' }, this.#options.key);
      if (fields === undefined) {
        this.refused += 1;
        return;
      }
      const reply = { to: 'gateway', ...bindingFields(binding), ...this.#answer(fields) };
      const sealed = sealedLine(seal(jsonBytes(reply), this.#options.key));
      socket.write(this.#options.rewriteReply?.(sealed) ?? sealed);
      if (this.requests.at(-1)?.request === 'shutdown') this.#server.close();
    }
  }

  #answer(fields: Readonly<Record<string, unknown>>): object {
    const parsed = requestSchema.safeParse(fields);
    if (!parsed.success) {
      const isKnown = ['ping', 'shutdown', 'renew', 'signal', 'status'].some((name) => name === fields['request']);
      return { ok: false, error: isKnown ? 'bad_request' : 'unsupported', message: 'see the specification' };
    }
    this.requests.push(parsed.data);
    const { request } = parsed.data;
    if (request === 'signal' && this.exit !== undefined)
      return { ok: false, error: 'no_kernel', message: 'it has ended' };
    if (request === 'renew') return { ok: true, lease_seconds: 3600 };
    if (request !== 'ping' && request !== 'status') return { ok: true };
    const state = { ok: true, alive: this.exit === undefined, pid: 4711, exit: this.exit };
    return request === 'ping' ? state : { ...state, log_tail: this.logTail };
  }
}
