import { randomUUID } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { ProvisionerError, checkRequestEnv } from '@gateway-provisioners/core';
import type { StartKernelOptions } from '../types.ts';

export const KERNEL_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** A day: longer is taken for a mistake. */
const MAX_LAUNCH_TIMEOUT_S = 86_400;

/** What a start asks for, checked. */
export interface StartInputs {
  readonly kernelId: string;
  readonly owner: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  /** Undefined when the start leaves it to kernelspec and settings. */
  readonly timeoutMs: number | undefined;
}

/** Errors: `INVALID_ENV`, `INVALID_KERNEL_ID`, `INVALID_ARGUMENT`. */
export function checkStart(options: StartKernelOptions): StartInputs {
  const env = checkRequestEnv(options.env ?? {});
  const kernelId = options.kernelId ?? env['KERNEL_ID'] ?? randomUUID();
  if (!KERNEL_ID.test(kernelId)) {
    throw new ProvisionerError(
      'INVALID_KERNEL_ID',
      `${JSON.stringify(kernelId.slice(0, 64))} is not a lower-case UUID; leave it out to have one chosen`,
    );
  }
  if (options.cwd !== undefined && (!isAbsolute(options.cwd) || options.cwd.includes('\0'))) {
    throw new ProvisionerError('INVALID_ARGUMENT', `cwd must be an absolute path, not ${JSON.stringify(options.cwd)}`);
  }
  const timeoutMs = options.launchTimeoutMs ?? requestedTimeoutMs(env);
  if (timeoutMs !== undefined && !(timeoutMs > 0)) {
    throw new ProvisionerError('INVALID_ARGUMENT', `launchTimeoutMs must be more than 0, not ${String(timeoutMs)}`);
  }
  return { kernelId, owner: options.owner ?? 'anonymous', env, cwd: options.cwd, timeoutMs };
}

/** Clients of Jupyter's gateways send their own patience, in seconds. */
function requestedTimeoutMs(env: Readonly<Record<string, string>>): number | undefined {
  const text = env['KERNEL_LAUNCH_TIMEOUT'];
  if (text === undefined || text.trim() === '') return undefined;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= MAX_LAUNCH_TIMEOUT_S)) {
    throw new ProvisionerError(
      'INVALID_ENV',
      `environment variable 'KERNEL_LAUNCH_TIMEOUT' must be a number of seconds, more than 0, at most ${String(MAX_LAUNCH_TIMEOUT_S)}`,
    );
  }
  return seconds * 1_000;
}
