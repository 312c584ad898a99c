/**
 * For tests: fuzzing of what is read from SSH's files and from hosts.
 * @module
 */
export { fuzzTargets } from './fuzz-targets.ts';
