import { ConfigError, resolveSettings } from '@gateway-provisioners/core';
import type { CallOptions, ConfigProblem } from '@gateway-provisioners/core';
import { normaliseBaseUrl } from '../http/base-url.ts';
import { isLoopbackAddress } from '../http/origin-policy.ts';
import { readConfigFile } from './config-file.ts';
import { gatewaySettings } from './gateway-settings.ts';
import type { GatewaySettings, ResolvedGatewaySettings } from './gateway-settings.ts';
import { insecureConfiguration } from './insecure-configuration.ts';
import { adviceForKey } from './unused-variables.ts';

export interface GatewaySettingsSources extends CallOptions {
  /** Parsed command line by flag name (`base-url`) or its camel-case form. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined;
  /** Path of a configuration file: `.json`, `.yaml`, `.yml`, `.js`, `.mjs`, `.cjs`. */
  readonly file?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Finds the value of every setting: flag, else file, else variable, else default.
 * Errors: `INVALID_CONFIG` with every problem at once; `INSECURE_CONFIGURATION` when the gateway would be open to the
 * network without authentication.
 */
export async function resolveGatewaySettings(sources: GatewaySettingsSources = {}): Promise<ResolvedGatewaySettings> {
  const file = sources.file === undefined ? undefined : await readConfigFile(sources.file, sources);
  const resolved = withAdvice(() => resolveSettings(gatewaySettings, { flags: sources.flags, env: sources.env, file }));
  checkGatewaySettings(resolved.values);
  return resolved;
}

/** Says what to do with keys of a file that are options of Enterprise Gateway, and no settings here. */
function withAdvice<T>(resolve: () => T): T {
  try {
    return resolve();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.map((problem) => {
      const advice = Object.hasOwn(gatewaySettings, problem.key) ? undefined : adviceForKey(problem.key);
      return advice === undefined ? problem : { ...problem, message: `no such setting: ${advice}` };
    });
    throw new ConfigError('the configuration is not valid', problems, { cause: error.cause });
  }
}

/** The settings of a program: defaults, and what it says itself. Errors: as {@link resolveGatewaySettings}. */
export function gatewaySettingsWith(values: Partial<GatewaySettings>): GatewaySettings {
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  const resolved = resolveSettings(gatewaySettings, { file: { path: 'the program', values: given } });
  checkGatewaySettings(resolved.values);
  return resolved.values;
}

/** What no single setting can tell. Errors: `INVALID_CONFIG`, `INSECURE_CONFIGURATION`. */
export function checkGatewaySettings(values: GatewaySettings): void {
  const problems: ConfigProblem[] = [];
  const add = (key: keyof GatewaySettings, message: string): void => {
    problems.push({ key, message });
  };
  if (values.certfile !== undefined && values.keyfile === undefined) add('keyfile', 'needed together with certfile');
  if (values.keyfile !== undefined && values.certfile === undefined) add('certfile', 'needed together with keyfile');
  if (values.client_ca !== undefined && values.certfile === undefined)
    add('certfile', 'needed together with client_ca');
  if (values.token !== undefined && /\s/.test(values.token)) add('token', 'must not contain blanks');
  if (values.auth === 'none' && values.token !== undefined) add('token', 'has no effect with auth none: leave one out');
  try {
    normaliseBaseUrl(values.base_url);
  } catch {
    add('base_url', 'has to consist of path segments, such as /hub/user');
  }
  if (problems.length > 0) throw new ConfigError('the configuration is not valid', problems);
  if (values.auth === 'none' && !isLoopbackAddress(values.ip)) throw insecureConfiguration(values.ip);
}
