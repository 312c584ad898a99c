import { errorCatalogue } from './error-codes.ts';
import type { ErrorCode, ErrorKind } from './error-codes.ts';

const BRAND = Symbol.for('gateway-provisioners.error.v1');

export interface ProvisionerErrorOptions {
  /** What raised this one; kept for logs, never shown to a client. */
  readonly cause?: unknown;
  /** Where it happened, printed in brackets: ids, names, hosts. Never secrets. */
  readonly coordinates?: Readonly<Record<string, string | number | undefined>>;
  /** Overrides the catalogue's answer for this occurrence. */
  readonly retryable?: boolean;
  /** Needed for codes of third parties (`X_…`); ours have theirs in the catalogue. Default `failed`. */
  readonly kind?: ErrorKind;
}

/**
 * The one error class of these packages. Handle it by {@link ProvisionerError.code} (stable) or by
 * {@link ProvisionerError.kind}; the message is for people. Use {@link isProvisionerError} rather than `instanceof`:
 * two copies of this package may be installed.
 */
export class ProvisionerError extends Error {
  override readonly name: string = 'ProvisionerError';
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly retryable: boolean;
  readonly coordinates: Readonly<Record<string, string | number | undefined>>;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, message: string, options: ProvisionerErrorOptions = {}) {
    super(message + formatCoordinates(options.coordinates), 'cause' in options ? { cause: options.cause } : undefined);
    const entry = isCatalogued(code) ? errorCatalogue[code] : undefined;
    this.code = code;
    this.kind = options.kind ?? entry?.kind ?? 'failed';
    this.retryable = options.retryable ?? entry?.retryable ?? false;
    this.coordinates = options.coordinates ?? {};
  }
}

/** How a kernel came to its end. */
export interface KernelExit {
  /**
   * - `exited`: the process returned `exitCode`
   * - `signalled`: ended by `signal`
   * - `oom`: the kernel's memory limit was hit
   * - `evicted`: the backend took the resource away
   * - `killed`: ended on our request
   * - `gone`: it is not there any more, nothing more is known
   */
  readonly reason: 'exited' | 'signalled' | 'oom' | 'evicted' | 'killed' | 'gone';
  /** `'unknown'` for a process that is not our child (attached after a restart of the gateway). */
  readonly exitCode?: number | 'unknown';
  readonly signal?: string;
  /** The backend's own words. */
  readonly detail?: string;
  /** Last lines that the kernel wrote to stdout and stderr; may be empty. */
  readonly logTail: string;
}

export interface KernelFailureOptions extends ProvisionerErrorOptions {
  readonly exit?: KernelExit;
  /** Last lines of the kernel's log; taken from `exit` when left out. */
  readonly logTail?: string;
}

/**
 * A kernel that could not be started or that ended.
 * Codes: `LAUNCH_TIMEOUT`, `LAUNCH_FAILED`, `KERNEL_DIED`. The message ends with the log's tail.
 */
export class KernelFailureError extends ProvisionerError {
  override readonly name = 'KernelFailureError';
  readonly exit: KernelExit | undefined;
  readonly logTail: string;

  constructor(
    code: 'LAUNCH_TIMEOUT' | 'LAUNCH_FAILED' | 'KERNEL_DIED' | `X_${string}`,
    message: string,
    options: KernelFailureOptions = {},
  ) {
    const logTail = (options.logTail ?? options.exit?.logTail ?? '').trimEnd();
    super(code, logTail === '' ? message : `${message}\nLast lines of the kernel's log:\n${logTail}`, options);
    this.exit = options.exit;
    this.logTail = logTail;
  }
}

export interface ConfigProblem {
  /** Dotted path of the setting. */
  readonly key: string;
  readonly message: string;
  /** Where the value came from: `--port`, `EG_PORT`, a file's path, `kernel.json`, … */
  readonly source?: string;
  /** The offending value as text; absent for secrets. */
  readonly value?: string;
}

/** Settings that do not fit their schema; lists every problem at once. */
export class ConfigError extends ProvisionerError {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(what: string, problems: readonly ConfigProblem[], options: ProvisionerErrorOptions = {}) {
    const lines = problems.map(formatProblem);
    // One problem stands on one line, which is all that some logs show of an error.
    super('INVALID_CONFIG', `${what}:${lines.length === 1 ? ' ' : '\n  '}${lines.join('\n  ')}`, options);
    this.problems = problems;
  }
}

/** True for errors made by any copy of this package. */
export function isProvisionerError(error: unknown, code?: ErrorCode): error is ProvisionerError {
  return (
    typeof error === 'object' &&
    error !== null &&
    BRAND in error &&
    (code === undefined || ('code' in error && error.code === code))
  );
}

/** Walks the chain of causes and returns the first error with that code. */
export function findErrorCause(error: unknown, code: ErrorCode): ProvisionerError | undefined {
  const seen = new Set<unknown>();
  for (let current = error; current instanceof Object && !seen.has(current);) {
    if (isProvisionerError(current, code)) return current;
    seen.add(current);
    current = 'cause' in current ? current.cause : undefined;
  }
  return undefined;
}

/** Anything thrown, as a {@link ProvisionerError}: ours unchanged, others wrapped as `INTERNAL` with their cause. */
export function toProvisionerError(error: unknown): ProvisionerError {
  if (isProvisionerError(error)) return error;
  return new ProvisionerError('INTERNAL', `unexpected error: ${errorMessage(error)}`, { cause: error });
}

/** The message of anything thrown, also of what has no text of its own. */
export function errorMessage(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return `something of type ${typeof error} that cannot be shown`;
  }
}

function isCatalogued(code: ErrorCode): code is keyof typeof errorCatalogue {
  return Object.hasOwn(errorCatalogue, code);
}

function formatCoordinates(coordinates: ProvisionerErrorOptions['coordinates']): string {
  const parts = Object.entries(coordinates ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${String(value)}`);
  return parts.length === 0 ? '' : ` [${parts.join(' ')}]`;
}

function formatProblem(problem: ConfigProblem): string {
  const value = problem.value === undefined ? '' : ` (got ${problem.value})`;
  const source = problem.source === undefined ? '' : ` [from ${problem.source}]`;
  return `${problem.key}: ${problem.message}${value}${source}`;
}
