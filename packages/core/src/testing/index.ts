/**
 * For tests of this workspace's packages: numbers that a seed repeats, inputs that are nearly valid, and a clock that a
 * test moves.
 * @module
 */
export type { FuzzAttempt, FuzzReport, FuzzTarget } from './fuzz-target.ts';
export { fuzzTarget } from './fuzz-target.ts';
export { ManualClock, settle } from './manual-clock.ts';
export { mutateBytes } from './mutate-bytes.ts';
export { disturb, mutateText } from './mutate-text.ts';
export { SeededRandom } from './seeded-random.ts';
