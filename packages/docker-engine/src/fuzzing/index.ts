/**
 * For tests: fuzzing of what is read from an engine and from Docker's configuration.
 * @module
 */
export { fuzzTargets } from './fuzz-targets.ts';
