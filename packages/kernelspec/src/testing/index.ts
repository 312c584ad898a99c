/**
 * For tests: fuzzing of what is read from `kernel.json`.
 * @module
 */
export { fuzzTargets } from './fuzz-targets.ts';
