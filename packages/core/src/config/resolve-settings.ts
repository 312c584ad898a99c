import type { StandardSchemaV1 } from '@standard-schema/spec';
import { ConfigError, ProvisionerError } from '../errors.ts';
import type { ConfigProblem } from '../errors.ts';
import { suggestion } from './closest-names.ts';
import type { Setting, SettingValues, Settings } from './settings.ts';

export interface SettingSources {
  /** Parsed flags, by the flag's name (`base-url`) or its camel-case form (`baseUrl`). Unknown ones are ignored. */
  readonly flags?: Readonly<Record<string, unknown>> | undefined;
  /** A parsed configuration file. Keys that no setting has are problems. */
  readonly file?: { readonly path: string; readonly values: unknown } | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export interface SettingOrigin {
  readonly kind: 'flag' | 'file' | 'env' | 'default';
  /** `--port`, the file's path, `EG_PORT`, `default`. */
  readonly source: string;
}

export interface ResolvedSettings<Schemas extends Record<string, StandardSchemaV1>> {
  readonly values: SettingValues<Schemas>;
  readonly origins: { readonly [Key in keyof Schemas]: SettingOrigin };
}

interface Candidate {
  readonly origin: SettingOrigin;
  readonly value: unknown;
}

const DEFAULT_ORIGIN: SettingOrigin = { kind: 'default', source: 'default' };

/**
 * Finds each setting's value: flag, else file, else variable, else default. An empty variable counts as unset.
 * Errors: `INVALID_CONFIG` with every problem at once: key, value (not of secrets) and source.
 */
export function resolveSettings<Schemas extends Record<string, StandardSchemaV1>>(
  settings: Settings<Schemas>,
  sources: SettingSources = {},
): ResolvedSettings<Schemas> {
  const problems: ConfigProblem[] = [];
  const fileValues = readFileValues(Object.keys(settings), sources.file, problems);
  const values: Record<string, unknown> = {};
  const origins: Record<string, SettingOrigin> = {};
  for (const [key, setting] of Object.entries<Setting>(settings)) {
    const candidate = pick(setting, sources, fileValues.get(key));
    origins[key] = candidate?.origin ?? DEFAULT_ORIGIN;
    if (candidate === undefined && setting.default !== undefined) {
      values[key] = setting.default;
      continue;
    }
    const result = validate(key, setting, candidate?.value);
    if (result.issues === undefined) values[key] = result.value;
    else problems.push(...result.issues.map((issue) => toProblem(key, { issue, candidate, setting })));
  }
  if (problems.length > 0) throw new ConfigError('the configuration is not valid', problems);
  // Every key was just filled from its own schema; the compiler cannot follow a loop over keys.
  return {
    values: Object.freeze(values) as SettingValues<Schemas>,
    origins: Object.freeze(origins) as ResolvedSettings<Schemas>['origins'],
  };
}

function pick(setting: Setting, sources: SettingSources, fromFile: Candidate | undefined): Candidate | undefined {
  return flagCandidate(setting, sources.flags) ?? fromFile ?? envCandidate(setting, sources.env);
}

function flagCandidate(setting: Setting, flags: SettingSources['flags']): Candidate | undefined {
  if (setting.flag === undefined || flags === undefined) return undefined;
  const camelCase = setting.flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const value = own(flags, setting.flag) ?? own(flags, camelCase);
  return value === undefined ? undefined : { value, origin: { kind: 'flag', source: `--${setting.flag}` } };
}

function envCandidate(setting: Setting, env: SettingSources['env']): Candidate | undefined {
  for (const name of setting.env ?? []) {
    const value = env === undefined ? undefined : own(env, name);
    if (value !== undefined && value !== '') return { value, origin: { kind: 'env', source: name } };
  }
  return undefined;
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** Flattens the file's nesting to keys of settings; what matches none is reported. */
function readFileValues(
  keys: readonly string[],
  file: SettingSources['file'],
  problems: ConfigProblem[],
): ReadonlyMap<string, Candidate> {
  const found = new Map<string, Candidate>();
  if (file?.values === undefined || file.values === null) return found;
  const origin: SettingOrigin = { kind: 'file', source: file.path };
  const known = new Set(keys);
  const visit = (values: object, prefix: string): void => {
    for (const [name, value] of Object.entries(values) as [string, unknown][]) {
      const key = prefix + name;
      if (known.has(key)) {
        if (value !== undefined) found.set(key, { value, origin });
      } else if (isRecord(value) && keys.some((candidate) => candidate.startsWith(`${key}.`))) {
        visit(value, `${key}.`);
      } else {
        problems.push({ key, source: file.path, message: `no such setting${suggestion(key, keys)}` });
      }
    }
  };
  if (isRecord(file.values)) visit(file.values, '');
  else problems.push({ key: '(all)', source: file.path, message: 'expected an object of settings' });
  return found;
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function validate(key: string, setting: Setting, value: unknown): StandardSchemaV1.Result<unknown> {
  const result = setting.schema['~standard'].validate(value);
  if (result instanceof Promise) {
    throw new ProvisionerError('INVALID_ARGUMENT', `setting ${key}: its schema validates asynchronously`);
  }
  return result;
}

interface Finding {
  readonly issue: StandardSchemaV1.Issue;
  readonly candidate: Candidate | undefined;
  readonly setting: Setting;
}

function toProblem(key: string, { issue, candidate, setting }: Finding): ConfigProblem {
  const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  const problem: ConfigProblem = { key: [key, ...path].join('.'), message: issue.message };
  if (candidate === undefined) return { ...problem, message: `required: ${namesOf(key, setting)}` };
  const source = candidate.origin.source;
  if (setting.secret !== true) return { ...problem, source, value: printable(candidate.value) };
  // A schema's own message may quote what it was given.
  const quotes = typeof candidate.value === 'string' && issue.message.includes(candidate.value);
  return { ...problem, source, message: quotes ? 'not acceptable' : issue.message };
}

function namesOf(key: string, setting: Setting): string {
  const names = [
    ...(setting.flag === undefined ? [] : [`--${setting.flag}`]),
    ...(setting.env ?? []),
    `${JSON.stringify(key)} in a file`,
  ];
  return `set ${names.join(' or ')}`;
}

const MAX_PRINTED = 200;

function printable(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'function' ? 'a function' : JSON.stringify(value);
  } catch {
    text = typeof value;
  }
  return text.length > MAX_PRINTED ? `${text.slice(0, MAX_PRINTED)}…` : text;
}
