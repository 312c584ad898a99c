import type { Cancellation, Clock } from '@gateway-provisioners/core';

export interface HeartbeatOptions {
  /** Milliseconds between pings; 0 for none. */
  readonly intervalMs: number;
  readonly clock: Clock;
  /** True while no answer can be expected. */
  readonly suspended: () => boolean;
  readonly ping: () => void;
  /** Nothing came back for `max(3 · interval, 30 s)`, the patience of Jupyter's servers. */
  readonly onSilent: () => void;
}

const MIN_PATIENCE_MS = 30_000;

/** Pings, and notices when nothing ever answers: a peer that vanished without closing. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  /** Since the last sign of life. Counted, not timed: a clock that is set on, or a machine that slept, is no silence. */
  #beats = 0;
  #cancel: Cancellation | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  start(): void {
    this.sign();
    if (this.#options.intervalMs > 0) this.#schedule();
  }

  /** The peer has just shown that it is there. */
  sign(): void {
    this.#beats = 0;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#options;
    this.#cancel = clock.schedule(intervalMs, this.#beat, { background: true });
  }

  readonly #beat = (): void => {
    const { intervalMs, suspended, ping, onSilent } = this.#options;
    this.#schedule();
    if (suspended()) {
      this.sign();
      return;
    }
    // The sign came some time before the first of these beats.
    const silentMs = this.#beats * intervalMs;
    this.#beats += 1;
    if (silentMs >= Math.max(3 * intervalMs, MIN_PATIENCE_MS)) {
      this.stop();
      onSilent();
      return;
    }
    ping();
  };
}
