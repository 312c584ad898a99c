import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { withDeadline } from '@gateway-provisioners/core';
import type { CommState } from '@gateway-provisioners/core';
import { MAX_LINE_BYTES, encodeRequest, parseHello, parseReply } from '../comm/comm-messages.ts';
import type { CommReply, CommRequest } from '../comm/comm-messages.ts';
import { dialTcp } from '../comm/dial.ts';
import { LineReader } from '../comm/line-reader.ts';

const LINE_MS = 60_000;

/** One connection to a listener of version 2, for more than the one request that our own channel makes on each. */
export class CommConnection implements Disposable {
  readonly #state: CommState;
  readonly #stream: Duplex;
  readonly #lines: LineReader;
  #challenge = '';

  private constructor(state: CommState, stream: Duplex) {
    this.#state = state;
    this.#stream = stream;
    this.#lines = new LineReader(stream, { maxBytes: MAX_LINE_BYTES });
  }

  /** Connects and reads the hello. Errors: `PROTOCOL_ERROR`, `DEADLINE_EXCEEDED`, the socket's own. */
  static async open(state: CommState): Promise<CommConnection> {
    return await withDeadline({ what: 'the hello of a listener', timeoutMs: LINE_MS }, async ({ signal }) => {
      const stream = await dialTcp(state, { signal });
      stream.on('error', () => undefined);
      const connection = new CommConnection(state, stream);
      connection.#challenge = parseHello((await connection.#lines.next(signal)) ?? '');
      return connection;
    });
  }

  /** The line of a request with its place on this connection. */
  encode(request: CommRequest, seq: number): string {
    return encodeRequest(request, this.#binding(seq), this.#key);
  }

  /** Sends a line and returns the reply to it; undefined when the listener closes the connection instead. */
  async say(line: string): Promise<string | undefined> {
    this.#stream.write(line);
    return await withDeadline({ what: 'a reply of a listener', timeoutMs: LINE_MS }, async ({ signal }) => {
      try {
        return await this.#lines.next(signal);
      } catch (error) {
        // A reset is as good an end as any.
        if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return undefined;
        throw error;
      }
    });
  }

  /** Errors: `PROTOCOL_ERROR` for a line that is not the reply to the request of that place. */
  decode(reply: string, seq: number): CommReply {
    return parseReply(reply, this.#binding(seq), this.#key);
  }

  [Symbol.dispose](): void {
    this.#stream.destroy();
  }

  get #key(): Buffer {
    return Buffer.from(this.#state.key ?? '', 'base64');
  }

  #binding(seq: number) {
    return { kernelId: this.#state.kernelId, challenge: this.#challenge, seq };
  }
}
