/**
 * For tests: fuzzing of what is read back from the store of kernels.
 * @module
 */
export { fuzzTargets } from './fuzz-targets.ts';
