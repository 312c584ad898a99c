import { withDeadline } from '@gateway-provisioners/core';
import type { ChannelEngine, ChannelSocket, ChannelSocketOptions } from '../channel-socket.ts';
import { createZmtpEngine } from '../zmtp/zmtp-engine.ts';

/** An engine that tells which channels are open. */
export class WatchedEngine implements ChannelEngine {
  readonly name = 'zmtp';
  readonly #zmtp = createZmtpEngine();
  readonly #open = new Set<string>();
  readonly #waiting = new Set<() => void>();

  supports(): boolean {
    return true;
  }

  open(options: ChannelSocketOptions): ChannelSocket {
    const socket = this.#zmtp.open(options);
    this.#open.add(options.channel);
    socket.state.subscribe((state) => {
      if (state === 'closed') this.#open.delete(options.channel);
      for (const wake of this.#waiting) wake();
    });
    return socket;
  }

  get channels(): string {
    return [...this.#open].sort().join(' ');
  }

  /** Settles when exactly these are open. */
  async until(channels: string): Promise<void> {
    await withDeadline({ what: `only ${channels} open`, timeoutMs: 60_000 }, async () => {
      while (this.channels !== channels) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    });
  }
}
