import type { ErrorCode } from '../error-codes.ts';
import { isProvisionerError } from '../errors.ts';
import { SeededRandom } from './seeded-random.ts';

/** What a run of a fuzz target did. */
export interface FuzzReport {
  /** Inputs tried. */
  readonly runs: number;
  /** Of these, inputs that were accepted: a fuzzer that never gets past the first check tests little. */
  readonly accepted: number;
}

/** A decoder under random input. The same targets run briefly in unit tests and for minutes in CI and in a soak. */
export interface FuzzTarget {
  readonly name: string;
  /** Throws at the first broken promise, with the input that broke it in the message. Same seed, same inputs. */
  run(seed: number, durationMs: number): Promise<FuzzReport> | FuzzReport;
}

/** Tries one input: true when it was accepted; throws what the decoder throws, or what promise it broke. */
export type FuzzAttempt = (random: SeededRandom) => boolean | Promise<boolean>;

/** At least so many inputs, however slow the machine. */
const MIN_RUNS = 100;

/** A decoder that refuses with an error of one code; any other error, and any broken promise, ends the run. */
export function fuzzTarget(name: string, code: ErrorCode, attempt: FuzzAttempt): FuzzTarget {
  return {
    name,
    async run(seed, durationMs) {
      const random = new SeededRandom(seed);
      const endsAt = performance.now() + durationMs;
      let runs = 0;
      let accepted = 0;
      while (runs < MIN_RUNS || performance.now() < endsAt) {
        runs += 1;
        try {
          const outcome = attempt(random);
          // What is known at once is not waited for: there are millions of inputs.
          if (typeof outcome === 'boolean' ? outcome : await outcome) accepted += 1;
        } catch (error) {
          if (isProvisionerError(error, code)) continue;
          throw new Error(`${name}: input ${runs} of seed ${seed}: ${String(error)}`, { cause: error });
        }
      }
      return { runs, accepted };
    },
  };
}

/** Small decoders as one target: they share the time. */
export function sharedFuzzTarget(name: string, targets: readonly FuzzTarget[]): FuzzTarget {
  return {
    name,
    async run(seed, durationMs) {
      let runs = 0;
      let accepted = 0;
      for (const target of targets) {
        const report = await target.run(seed, durationMs / targets.length);
        runs += report.runs;
        accepted += report.accepted;
      }
      return { runs, accepted };
    },
  };
}
