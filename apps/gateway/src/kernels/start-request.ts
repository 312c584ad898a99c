import { ProvisionerError } from '@gateway-provisioners/core';
import type { StartKernelOptions } from '@gateway-provisioners/kernel-manager';
import { optionalMember, optionalText } from '../http/read-body.ts';
import type { JsonBody } from '../http/read-body.ts';
import { resolveWorkingDirectory } from './working-directory.ts';

export interface StartRequestRules {
  readonly clientEnvs: readonly string[];
  readonly rootDir: string | undefined;
  readonly waitUntilReady: boolean;
  readonly maxLaunchTimeoutMs: number;
}

type StartFields = Pick<StartKernelOptions, 'name' | 'kernelId' | 'env' | 'cwd' | 'launchTimeoutMs' | 'until'>;

/**
 * Reads `{ name, env, path, cwd }` of `POST /api/kernels`; all are optional. `KERNEL_ID` and `KERNEL_LAUNCH_TIMEOUT` of
 * `env` take effect and are passed on. Errors: `INVALID_REQUEST`, `INVALID_ENV`.
 */
export async function readStartRequest(body: JsonBody, rules: StartRequestRules): Promise<StartFields> {
  const name = optionalText(body, 'name');
  const env = readEnv(body, rules.clientEnvs);
  const cwd = await resolveWorkingDirectory({
    path: optionalText(body, 'path'),
    cwd: optionalText(body, 'cwd'),
    rootDir: rules.rootDir,
  });
  return {
    name: name === '' ? undefined : name,
    kernelId: env?.['KERNEL_ID'],
    env,
    cwd,
    launchTimeoutMs: readLaunchTimeout(env?.['KERNEL_LAUNCH_TIMEOUT'], rules.maxLaunchTimeoutMs),
    until: rules.waitUntilReady ? 'ready' : 'launched',
  };
}

/** What is not for clients to set is dropped unread, as Enterprise Gateway does. */
function readEnv(body: JsonBody, clientEnvs: readonly string[]): Readonly<Record<string, string>> | undefined {
  const given = optionalMember(body, 'env');
  if (given === undefined) return undefined;
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!name.startsWith('KERNEL_') && !clientEnvs.includes('*') && !clientEnvs.includes(name)) continue;
    if (typeof value !== 'string') {
      throw new ProvisionerError(
        'INVALID_ENV',
        `the value of ${JSON.stringify(name.slice(0, 100))} in "env" has to be text`,
      );
    }
    env[name] = value;
  }
  return env;
}

function readLaunchTimeout(text: string | undefined, maxMs: number): number | undefined {
  if (text === undefined || text === '') return undefined;
  // Seconds, as floating point: what Python's float() would read, but not nan or inf, which would never time out.
  const seconds = /^\s*\+?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?\s*$/i.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(seconds) || seconds <= 0) {
    throw new ProvisionerError('INVALID_ENV', 'KERNEL_LAUNCH_TIMEOUT in "env" has to be a positive number of seconds');
  }
  return Math.min(Math.ceil(seconds * 1000), maxMs);
}
