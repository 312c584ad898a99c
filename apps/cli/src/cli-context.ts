import type { Environment } from '@gateway-provisioners/kernelspec';

/** Standard output or standard error. */
export interface TextOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/** All that a command knows of the process that it runs in. */
export interface CliContext {
  /** Without the interpreter and the script. */
  readonly args: readonly string[];
  readonly env: Environment;
  /** Absolute. */
  readonly cwd: string;
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** 0: it worked. 1: it failed. 2: the command line is wrong. */
export type ExitCode = 0 | 1 | 2;
