import type { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { ProvisionerError, raceSignal, systemClock, throwIfAborted, withDeadline } from '@gateway-provisioners/core';
import type { CommCallOptions, CommChannel, CommState, CommStatus, KernelExit } from '@gateway-provisioners/core';
import { checkSignum } from './check-signum.ts';
import { MAX_LINE_BYTES, MAX_LOG_BYTES, encodeRequest, parseHello, parseReply } from './comm-messages.ts';
import type { CommReply, CommRequest } from './comm-messages.ts';
import { DEFAULT_COMM_TIMEOUT_MS } from './comm-options.ts';
import type { CommOptions } from './comm-options.ts';
import { dialListener, dialTcp, unreachable } from './dial.ts';
import { holdLease } from './lease.ts';
import { LineReader } from './line-reader.ts';
import { Turns } from './turns.ts';

type Accepted = Extract<CommReply, { ok: true }>;

/** The listener of launchers of version 2: authenticated requests, each answered. */
export class CommVersion2 implements CommChannel {
  readonly state: CommState;
  readonly #key: Buffer;
  readonly #options: CommOptions;
  readonly #turns = new Turns();

  constructor(state: CommState, key: Buffer, options: CommOptions) {
    this.state = state;
    this.#key = key;
    this.#options = options;
  }

  async signal(signum: number, options: CommCallOptions = {}): Promise<boolean> {
    const reply = await this.#ask({ request: 'signal', signum: checkSignum(signum) }, options);
    return reply !== undefined && !isKernelGone(reply) && this.#accepted(reply).ok;
  }

  async isAlive(options: CommCallOptions = {}): Promise<boolean> {
    const reply = await this.#ask({ request: 'ping' }, options);
    if (reply === undefined || isKernelGone(reply)) return false;
    return this.#accepted(reply).alive ?? true;
  }

  async status(options: CommCallOptions = {}): Promise<CommStatus | undefined> {
    const reply = await this.#ask({ request: 'status', max_log_bytes: MAX_LOG_BYTES }, options);
    return reply === undefined ? undefined : toStatus(this.#accepted(reply));
  }

  async shutdown(options: CommCallOptions = {}): Promise<void> {
    const reply = await this.#ask({ request: 'shutdown' }, options);
    if (reply !== undefined && !isKernelGone(reply)) this.#accepted(reply);
  }

  holdLease(options: { readonly onProblem?: (error: Error) => void } = {}): Disposable {
    return holdLease({
      leaseMs: this.state.leaseMs ?? 0,
      clock: this.#options.clock ?? systemClock,
      onProblem: options.onProblem,
      renew: async (signal) => {
        const reply = await this.#ask({ request: 'renew' }, { signal });
        if (reply === undefined) throw unreachable(this.state, new Error('connection refused'));
        this.#accepted(reply);
      },
    });
  }

  /** Undefined when the connection was refused. */
  async #ask(request: CommRequest, { signal }: CommCallOptions): Promise<CommReply | undefined> {
    const { dial = dialTcp, timeoutMs = DEFAULT_COMM_TIMEOUT_MS, clock } = this.#options;
    const turn = this.#turns.take(async () => {
      throwIfAborted(signal);
      return await withDeadline({ what: "the launcher's listener", timeoutMs, signal, clock }, async (scope) => {
        const stream = await dialListener(dial, this.state, { signal: scope.signal });
        return stream === undefined ? undefined : await this.#exchange(stream, request, scope.signal);
      }).catch((error: unknown) => {
        throw unreachable(this.state, error);
      });
    });
    return await raceSignal(turn, signal);
  }

  async #exchange(stream: Duplex, request: CommRequest, signal: AbortSignal): Promise<CommReply> {
    // Errors of the stream reach us through the reader; without a listener a late one would end the process.
    stream.on('error', () => undefined);
    try {
      const lines = new LineReader(stream, { maxBytes: MAX_LINE_BYTES });
      const hello = await lines.next(signal);
      if (hello === undefined) throw new ProvisionerError('CONNECTION_LOST', 'closed before the hello');
      const binding = { kernelId: this.state.kernelId, challenge: parseHello(hello), seq: 1 };
      stream.end(encodeRequest(request, binding, this.#key));
      const reply = await lines.next(signal);
      if (reply === undefined) throw this.#refused();
      return parseReply(reply, binding, this.#key);
    } finally {
      stream.destroy();
    }
  }

  #refused(): ProvisionerError {
    return new ProvisionerError(
      'KERNEL_UNREACHABLE',
      "the launcher's listener closed the connection without an answer: it ended just now, or does not accept our key",
      { coordinates: { kernelId: this.state.kernelId, host: this.state.host, port: this.state.port } },
    );
  }

  #accepted(reply: CommReply): Accepted {
    if (reply.ok) return reply;
    throw new ProvisionerError('PROTOCOL_ERROR', `the launcher refused a request: ${reply.error}: ${reply.message}`, {
      coordinates: { kernelId: this.state.kernelId },
    });
  }
}

function isKernelGone(reply: CommReply): boolean {
  return !reply.ok && reply.error === 'no_kernel';
}

function toStatus(reply: Accepted): CommStatus {
  const logTail = reply.log_tail ?? '';
  const alive = reply.alive ?? reply.exit === undefined;
  const pid = reply.pid === undefined ? {} : { pid: reply.pid };
  return { alive, logTail, ...pid, ...(alive ? {} : { exit: toExit(reply, logTail) }) };
}

function toExit({ exit }: Accepted, logTail: string): KernelExit {
  if (exit === undefined) return { reason: 'gone', logTail };
  const { reason, exit_code: exitCode, signal, detail } = exit;
  return {
    reason,
    logTail,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(detail === undefined ? {} : { detail }),
  };
}
