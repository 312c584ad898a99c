/**
 * For tests of this workspace's packages: numbers that a seed repeats, inputs that are nearly valid, clocks that
 * tests move, waits, ports, and the examples of READMEs.
 * @module
 */
export type { FuzzAttempt, FuzzReport, FuzzTarget } from './fuzz-target.ts';
export { fuzzTarget, sharedFuzzTarget } from './fuzz-target.ts';
export { ManualClock, settle } from './manual-clock.ts';
export { mutateBytes } from './mutate-bytes.ts';
export { disturb, disturbDeep, mutateText } from './mutate-text.ts';
export { freePort, listens } from './ports.ts';
export { readmeExample } from './readme-example.ts';
export { SeededRandom } from './seeded-random.ts';
export { SkippingClock } from './skipping-clock.ts';
export { until } from './until.ts';
