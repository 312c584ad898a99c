const FIRST_DELAY_MS = 10;
/** While a kernel starts, every wait is launch latency. */
const EAGER_CAP_MS = 250;
const EAGER_FOR_MS = 30_000;
const PATIENT_CAP_MS = 2_000;
const JITTER = 0.2;

/**
 * Delay before the next attempt: 10 ms, doubling up to 250 ms for the first 30 s of an outage and up to 2 s after that,
 * give or take a fifth so that the sockets of many kernels do not knock at the same moment.
 */
export function retryDelayMs(options: {
  /** Attempts that failed in a row, at least 1. */
  readonly failures: number;
  /** How long there has been no connection. */
  readonly outageMs: number;
  /** 0 (included) to 1. */
  readonly random: () => number;
}): number {
  const cap = options.outageMs < EAGER_FOR_MS ? EAGER_CAP_MS : PATIENT_CAP_MS;
  const delayMs = Math.min(cap, FIRST_DELAY_MS * 2 ** Math.min(options.failures - 1, 20));
  return delayMs * (1 - JITTER + 2 * JITTER * options.random());
}
