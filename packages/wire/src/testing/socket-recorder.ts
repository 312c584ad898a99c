import { withDeadline } from '@gateway-provisioners/core';
import type { ChannelName, KernelConnection } from '@gateway-provisioners/core';
import type {
  ChannelEngine,
  ChannelSocket,
  ChannelSocketOptions,
  ChannelSocketState,
  Frames,
} from '../channel-socket.ts';

export interface SocketRecorderOptions extends Partial<Omit<ChannelSocketOptions, 'channel' | 'connection'>> {
  readonly engine: ChannelEngine;
  readonly connection: KernelConnection;
  /** Default `shell`. */
  readonly channel?: ChannelName;
}

const LOOK_MS = 10;
const DEADLINE_MS = 60_000;

/** A channel socket that keeps what happens to it, for tests. */
export class SocketRecorder implements AsyncDisposable {
  readonly socket: ChannelSocket;
  readonly messages: Frames[] = [];
  readonly errors: Error[] = [];
  readonly states: ChannelSocketState[] = [];
  /** Calls of onMessages. */
  batches = 0;
  readonly #waiting = new Set<() => void>();

  constructor({ engine, ...options }: SocketRecorderOptions) {
    this.socket = engine.open({
      channel: 'shell',
      identity: Buffer.from('client-1'),
      ...options,
      onMessages: (batch) => {
        this.batches += 1;
        for (const frames of batch) this.messages.push(frames);
        options.onMessages?.(batch);
        this.#wake();
      },
      onError: (error) => {
        this.errors.push(error);
        this.#wake();
      },
    });
    this.socket.state.subscribe((state) => {
      this.states.push(state);
      this.#wake();
    });
  }

  /** Settles when `condition` holds; looked at whenever something happens to the socket, and now and then. */
  async until(what: string, condition: () => boolean): Promise<void> {
    // Not all that is waited for is told of: what has been sent, for instance.
    const again = setInterval(() => {
      this.#wake();
    }, LOOK_MS);
    try {
      await withDeadline({ what, timeoutMs: DEADLINE_MS }, async () => {
        while (!condition()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
      });
    } finally {
      clearInterval(again);
    }
  }

  async open(): Promise<void> {
    await this.until('open', () => this.socket.state.current === 'open');
  }

  async received(count: number): Promise<void> {
    await this.until(`${count} messages`, () => this.messages.length >= count);
  }

  async failed(): Promise<Error> {
    await this.until('an error', () => this.errors.length > 0);
    return this.errors[0] ?? new Error('none');
  }

  /** The messages as text, frames joined by `|`. */
  get texts(): string[] {
    return this.messages.map((frames) => frames.map((frame) => frame.toString()).join('|'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.socket[Symbol.asyncDispose]();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** Text as frames, split at `|`. */
export function frames(text: string): Buffer[] {
  return text.split('|').map((part) => Buffer.from(part));
}
