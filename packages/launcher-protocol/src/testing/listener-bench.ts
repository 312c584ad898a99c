import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { ResourceStack, systemClock, withDeadline } from '@gateway-provisioners/core';
import type { ExpectOptions, ExpectedLauncher, LogFields, Logger } from '@gateway-provisioners/core';
import { createResponseListener } from '../listener/create-response-listener.ts';
import type { ResponseListenerOptions } from '../listener/create-response-listener.ts';
import type { ResponseListener } from '../listener/response-listener.ts';

/** A listener on loopback, what it logged, and peers to trouble it with. */
export class ListenerBench implements AsyncDisposable {
  readonly listener: ResponseListener;
  readonly #stack: ResourceStack;
  readonly #lines: string[];

  private constructor(listener: ResponseListener, lines: string[], stack: ResourceStack) {
    this.listener = listener;
    this.#lines = lines;
    this.#stack = stack;
  }

  static async start(options: ResponseListenerOptions = {}): Promise<ListenerBench> {
    await using stack = new ResourceStack();
    const lines: string[] = [];
    const logger = recordingLogger(lines);
    const listener = stack.use(await createResponseListener({ address: '127.0.0.1', port: 0, logger, ...options }));
    return new ListenerBench(listener, lines, stack.move());
  }

  /** All that was logged, as text. */
  get log(): string {
    return this.#lines.join('\n');
  }

  async expect(options: Partial<ExpectOptions> & { readonly kernelId?: string } = {}): Promise<ExpectedLauncher> {
    const { kernelId = randomUUID(), deadline = systemClock.now() + 20_000, ...more } = options;
    return this.#stack.use(await this.listener.expect(kernelId, { deadline, ...more }));
  }

  /** A connection that says nothing by itself. */
  async connect(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: this.listener.port });
    socket.on('error', () => undefined);
    this.#stack.defer(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  }

  /** Waits until the listener's counters fit. */
  async until(fits: (counters: ResponseListener['counters']) => boolean): Promise<void> {
    await eventually(() => fits(this.listener.counters));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Waits until a condition holds, at most 10 seconds. */
export async function eventually(holds: () => boolean): Promise<void> {
  await withDeadline({ what: 'the condition', timeoutMs: 10_000 }, async ({ signal }) => {
    while (!holds() && !signal.aborted) {
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
    }
  });
}

function recordingLogger(lines: string[], bound: LogFields = {}): Logger {
  const write = (message: string, fields: LogFields = {}): void => {
    lines.push(`${message} ${JSON.stringify({ ...bound, ...fields })}`);
  };
  return {
    debug: write,
    info: write,
    warn: write,
    error: write,
    child: (fields) => recordingLogger(lines, { ...bound, ...fields }),
  };
}
