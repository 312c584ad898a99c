const FIRST_DELAY_MS = 10;
/** While a kernel starts, every wait is launch latency: knocking again after a twentieth of it costs a twentieth at most. */
const SHARE_OF_OUTAGE = 0.05;
const EAGER_CAP_MS = 250;
const EAGER_FOR_MS = 30_000;
const PATIENT_CAP_MS = 2_000;
const JITTER = 0.2;

/**
 * Delay before the next attempt: a twentieth of the time for which there has been no connection, at least 10 ms, at most
 * 250 ms for the first 30 s and 2 s after that; give or take a fifth, so that the sockets of many kernels do not knock at
 * the same moment.
 */
export function retryDelayMs(options: {
  /** How long there has been no connection that lasted. */
  readonly outageMs: number;
  /** 0 (included) to 1. */
  readonly random: () => number;
}): number {
  const cap = options.outageMs < EAGER_FOR_MS ? EAGER_CAP_MS : PATIENT_CAP_MS;
  const delayMs = Math.min(cap, Math.max(FIRST_DELAY_MS, options.outageMs * SHARE_OF_OUTAGE));
  return delayMs * (1 - JITTER + 2 * JITTER * options.random());
}
