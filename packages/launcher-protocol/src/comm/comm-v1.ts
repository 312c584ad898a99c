import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import {
  isProvisionerError,
  raceSignal,
  systemErrorCode,
  throwIfAborted,
  withDeadline,
} from '@gateway-provisioners/core';
import type { CommCallOptions, CommChannel, CommState, CommStatus } from '@gateway-provisioners/core';
import { checkSignum } from './check-signum.ts';
import { DEFAULT_COMM_TIMEOUT_MS } from './comm-options.ts';
import type { CommOptions } from './comm-options.ts';
import { dialListener, dialTcp, unreachable } from './dial.ts';
import { Turns } from './turns.ts';

/**
 * The listener of launchers of Gateway Provisioners and Enterprise Gateway: one JSON object per connection, ended by a
 * half-close, never answered. Such listeners die of anything unexpected: they get numbers only (never text or
 * booleans), never a connection without a request, and one connection at a time.
 */
export class CommVersion1 implements CommChannel {
  readonly state: CommState;
  readonly #options: CommOptions;
  readonly #turns = new Turns();

  constructor(state: CommState, options: CommOptions) {
    this.state = state;
    this.#options = options;
  }

  async signal(signum: number, options: CommCallOptions = {}): Promise<boolean> {
    return await this.#send({ signum: checkSignum(signum) }, options);
  }

  async isAlive(options: CommCallOptions = {}): Promise<boolean> {
    return await this.#send({ signum: 0 }, options);
  }

  status(): Promise<CommStatus | undefined> {
    return Promise.resolve(undefined);
  }

  async shutdown(options: CommCallOptions = {}): Promise<void> {
    await this.#send({ shutdown: 1 }, options);
  }

  holdLease(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  async #send(request: Version1Request, { signal }: CommCallOptions): Promise<boolean> {
    const { dial = dialTcp, timeoutMs = DEFAULT_COMM_TIMEOUT_MS, clock } = this.#options;
    const turn = this.#turns.take(async () => {
      throwIfAborted(signal);
      return await withDeadline({ what: "the launcher's listener", timeoutMs, signal, clock }, async (scope) => {
        const attempt = async (): Promise<boolean> => {
          const stream = await dialListener(dial, this.state, { signal: scope.signal });
          if (stream === undefined) return false;
          await deliver(stream, JSON.stringify(request), scope.signal);
          return true;
        };
        try {
          return await attempt();
        } catch (error) {
          // It ended while this connection waited to be accepted, or so it looks: the next one is refused if it did.
          if (!isHarmless(request) || !isReset(error)) throw error;
          return await attempt();
        }
      }).catch((error: unknown) => {
        throw unreachable(this.state, error);
      });
    });
    return await raceSignal(turn, signal);
  }
}

interface Version1Request {
  readonly signum?: number;
  readonly shutdown?: number;
}

/** A probe: delivered twice, it does nothing twice. */
function isHarmless({ signum }: Version1Request): boolean {
  return signum === 0;
}

function isReset(error: unknown): boolean {
  return systemErrorCode(isProvisionerError(error) ? error.cause : error) === 'ECONNRESET';
}

/** Success is that the request was handed over; the listener closes without a word. */
async function deliver(stream: Duplex, request: string, signal: AbortSignal): Promise<void> {
  try {
    stream.resume();
    stream.end(request);
    await finished(stream, { readable: false, signal });
  } finally {
    stream.destroy();
  }
}
