import { delay, errorMessage, isProvisionerError, toProvisionerError } from '@gateway-provisioners/core';
import type { Cancellation, Clock, Logger } from '@gateway-provisioners/core';
import type { EngineEvent, EventListener } from './engine.ts';

export interface EventWatchOptions {
  /** Opens the stream from a moment on; resolves when it stands. */
  open(sinceNs: bigint, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>>;
  readonly listener: EventListener;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Keeps one stream of events standing until cancelled. */
export function watchEvents(options: EventWatchOptions): Cancellation {
  const stop = new AbortController();
  void run(options, stop.signal);
  return () => {
    stop.abort();
  };
}

async function run(options: EventWatchOptions, signal: AbortSignal): Promise<void> {
  const { listener, logger } = options;
  // From the first time on: an engine answers before it begins to collect events for us, and what happened in between it
  // tells only who names a moment.
  let sinceNs = BigInt(options.clock.now()) * 1_000_000n;
  let pauseMs = FIRST_PAUSE_MS;
  const isStopped = (): boolean => signal.aborted;
  while (!isStopped()) {
    try {
      const events = await options.open(sinceNs, signal);
      if (isStopped()) return;
      pauseMs = FIRST_PAUSE_MS;
      listener.onConnected?.();
      for await (const event of events) {
        if (isStopped()) return;
        // Asked again from here: this one comes twice then, none is left out.
        if (event.timeNs > sinceNs) sinceNs = event.timeNs;
        listener.onEvent(event);
      }
      disconnected(listener, new Error('the engine closed the stream of events'));
    } catch (error) {
      if (isStopped()) return;
      logger.debug('the stream of engine events broke', { error: errorMessage(error) });
      disconnected(listener, toProvisionerError(error));
    }
    try {
      await delay(pauseMs, { signal, clock: options.clock });
    } catch (error) {
      if (isProvisionerError(error, 'CANCELLED')) return;
      throw error;
    }
    pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
  }
}

function disconnected(listener: EventListener, error: Error): void {
  listener.onDisconnected?.(error);
}
