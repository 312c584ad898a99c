import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Server, Socket } from 'node:net';
import { KEY_BYTES, toBase64 } from './box.ts';
import { handleRequest, openRequest, replyTo } from './comm-requests.ts';
import type { CommTarget } from './comm-requests.ts';
import { MAX_LINE_BYTES, parseObject, sealedLine } from './sealed-line.ts';

const LINE_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;

export interface CommServerOptions {
  /** Listens already. */
  readonly server: Server;
  readonly kernelId: string;
  /** Of version 2; without it version 1 is spoken. */
  readonly commKey: Buffer | undefined;
  readonly target: CommTarget;
  /** Called once a `shutdown` was acknowledged. */
  readonly onShutdown: () => void;
}

/** The launcher's listener. No peer can end it, or make another one wait. */
export class CommServer {
  readonly #options: CommServerOptions;
  /** Oldest first. */
  readonly #sockets = new Set<Socket>();

  constructor(options: CommServerOptions) {
    this.#options = options;
    options.server.on('connection', (socket: Socket) => {
      this.#take(socket);
    });
    // Running out of descriptors must not end us.
    options.server.on('error', () => undefined);
  }

  close(): void {
    this.#options.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(socket: Socket): void {
    const [oldest] = this.#sockets;
    if (this.#sockets.size >= MAX_CONNECTIONS) oldest?.destroy();
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#options.commKey === undefined) this.#serveVersion1(socket);
    else this.#serveVersion2(socket, this.#options.commKey);
  }

  /** One JSON object up to the end of the stream; nothing is answered. */
  #serveVersion1(socket: Socket): void {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => socket.destroy(), LINE_TIMEOUT_MS);
    socket.once('close', () => {
      clearTimeout(timer);
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > MAX_LINE_BYTES) socket.destroy();
    });
    socket.once('end', () => {
      socket.end();
      const fields = parseObject(received);
      const signum = signalNumber(fields?.['signum']);
      const { target } = this.#options;
      const isInterruptByMessage = signum === 2 && target.interruptMode === 'message';
      if (Number.isInteger(signum) && signum > 0 && signum <= 64 && !isInterruptByMessage) target.signal(signum);
      // Version 1 ends the listener alone.
      if (Boolean(fields?.['shutdown'])) this.close();
    });
  }

  #serveVersion2(socket: Socket, key: Buffer): void {
    const challenge = toBase64(randomBytes(KEY_BYTES));
    let seq = 1;
    let received = Buffer.alloc(0);
    let timer = setTimeout(() => socket.destroy(), LINE_TIMEOUT_MS);
    socket.once('close', () => {
      clearTimeout(timer);
    });
    socket.write(`${JSON.stringify({ version: 2, challenge })}\n`);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (let end = received.indexOf(0x0a); end >= 0 && socket.writable; end = received.indexOf(0x0a)) {
        const line = received.toString('utf8', 0, end);
        received = Buffer.from(received.subarray(end + 1));
        clearTimeout(timer);
        timer = setTimeout(() => socket.destroy(), LINE_TIMEOUT_MS);
        const isServed = end < MAX_LINE_BYTES && this.#serveLine(socket, line, { key, challenge, seq });
        if (!isServed) socket.destroy();
        seq += 1;
      }
      if (received.length >= MAX_LINE_BYTES) socket.destroy();
    });
    socket.once('end', () => socket.end());
  }

  /** False when the line is not authentic. */
  #serveLine(
    socket: Socket,
    line: string,
    { key, challenge, seq }: { readonly key: Buffer; readonly challenge: string; readonly seq: number },
  ): boolean {
    const binding = { kernelId: this.#options.kernelId, challenge, seq };
    const fields = openRequest(line, binding, key);
    if (fields === undefined) return false;
    const reply = sealedLine(replyTo(binding, handleRequest(fields, this.#options.target)), key);
    if (fields['request'] === 'shutdown') socket.end(reply, this.#options.onShutdown);
    else socket.write(reply);
    return true;
  }
}

/** A number, or the text of one, as other launchers take it; `true` or `[9]` would become a number as well. 0: none. */
function signalNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d{1,2}$/.test(value.trim()) ? Number(value) : 0;
}
