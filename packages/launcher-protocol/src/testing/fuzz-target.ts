/** What a run of a fuzz target did. */
export interface FuzzReport {
  /** Inputs tried. */
  readonly runs: number;
  /** Of these, inputs that were accepted: a fuzzer that never gets past the first check tests little. */
  readonly accepted: number;
}

/** A parser under random input. The same targets run briefly in unit tests and for minutes in CI and in a soak. */
export interface FuzzTarget {
  readonly name: string;
  /** Throws at the first broken promise, with the input that broke it in the message. Same seed, same inputs. */
  run(seed: number, durationMs: number): Promise<FuzzReport> | FuzzReport;
}
