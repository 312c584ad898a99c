import { ProvisionerError } from './errors.ts';

export interface RequestEnvLimits {
  /** Longest value, in characters. Default 4096, which is Enterprise Gateway's. */
  readonly maxValueLength?: number | undefined;
  /** All names and values together, in UTF-8 bytes. Default 131,072: what Linux lets one variable be. */
  readonly maxTotalBytes?: number | undefined;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_NAME_LENGTH = 256;
const DEFAULT_MAX_VALUE_LENGTH = 4096;
const DEFAULT_MAX_TOTAL_BYTES = 128 * 1024;

/**
 * Checks the `env` of a request: an object of texts. `$`, quotes and line ends are data and allowed; no shell sees them.
 * Errors: `INVALID_ENV` naming the variable, never its value.
 */
export function checkRequestEnv(env: unknown, limits: RequestEnvLimits = {}): Readonly<Record<string, string>> {
  if (typeof env !== 'object' || env === null || Array.isArray(env)) throw invalid('`env` must be an object of texts');
  const maxValueLength = limits.maxValueLength ?? DEFAULT_MAX_VALUE_LENGTH;
  const maxTotalBytes = limits.maxTotalBytes ?? DEFAULT_MAX_TOTAL_BYTES;
  const checked = new Map<string, string>();
  let totalBytes = 0;
  for (const [name, value] of Object.entries(env) as [string, unknown][]) {
    if (name.length > MAX_NAME_LENGTH || !NAME.test(name)) {
      const shown = JSON.stringify(name.slice(0, 64));
      throw invalid(`${shown} is not a variable name: use ASCII letters, digits and '_', not a digit first`);
    }
    if (typeof value !== 'string') throw invalid(`environment variable '${name}' must be a text`);
    if (value.length > maxValueLength) {
      throw invalid(`environment variable '${name}' is longer than ${String(maxValueLength)} characters`);
    }
    if (value.includes('\0')) throw invalid(`environment variable '${name}' contains a NUL character`);
    totalBytes += name.length + Buffer.byteLength(value) + 2;
    if (totalBytes > maxTotalBytes) {
      throw invalid(`\`env\` is larger than ${String(maxTotalBytes)} bytes, reached at '${name}'`);
    }
    checked.set(name, value);
  }
  return Object.fromEntries(checked);
}

function invalid(message: string): ProvisionerError {
  return new ProvisionerError('INVALID_ENV', message);
}
