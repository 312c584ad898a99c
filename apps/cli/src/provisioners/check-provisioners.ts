import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { errorMessage } from '@gateway-provisioners/core';
import type {
  CallOptions,
  ProvisionerDefinition,
  ProvisionerEntry,
  ProvisionerOrigin,
  ProvisionerRegistry,
} from '@gateway-provisioners/core';

/** What can be said of a provisioner without starting a kernel. */
export interface ProvisionerReport {
  readonly name: string;
  /** Where it comes from: `registered @scope/package`, `configured ./file.js`. */
  readonly source: string;
  readonly version?: string;
  /** Version of the contract that it was written for. */
  readonly apiVersion?: number;
  /** Empty when it can be used. */
  readonly problems: readonly string[];
}

/** Imports every provisioner of a registry and checks the static part of the contract. Never throws for their sake. */
export async function checkProvisioners(
  registry: ProvisionerRegistry,
  options: CallOptions = {},
): Promise<readonly ProvisionerReport[]> {
  const reports: ProvisionerReport[] = [];
  for (const entry of registry.list()) reports.push(await check(registry, entry, options));
  return reports;
}

async function check(
  registry: ProvisionerRegistry,
  entry: ProvisionerEntry,
  options: CallOptions,
): Promise<ProvisionerReport> {
  const { name, origin } = entry;
  const version = origin.version ?? (await versionOf(origin));
  const report = {
    name,
    source: [origin.kind, origin.package].filter((part) => part !== undefined).join(' '),
    ...(version === undefined ? {} : { version }),
  };
  if (entry.problem !== undefined) return { ...report, problems: [entry.problem.message] };
  try {
    const definition = await registry.definitionOf(name, options);
    return { ...report, apiVersion: definition.apiVersion, problems: await problemsOfSchema(definition) };
  } catch (error) {
    return { ...report, problems: [errorMessage(error)] };
  }
}

/** A schema must answer any input with a value or with issues. Which settings it wants is its own affair. */
async function problemsOfSchema({ configSchema }: ProvisionerDefinition): Promise<readonly string[]> {
  const problems: string[] = [];
  // Written by strangers, perhaps in plain JavaScript: the types promise nothing.
  const schema: unknown = configSchema;
  if (!isStandardSchema(schema)) return ['configSchema is not a Standard Schema: it has no "~standard".validate'];
  for (const input of [{}, { no_such_setting: 1 }, null, 'text', []]) {
    try {
      const result: unknown = await schema['~standard'].validate(input);
      if (typeof result !== 'object' || result === null || !('value' in result || 'issues' in result)) {
        problems.push(`configSchema answers ${JSON.stringify(input)} with neither a value nor issues`);
      }
    } catch (error) {
      problems.push(`configSchema throws for ${JSON.stringify(input)}: ${errorMessage(error)}`);
    }
  }
  return problems;
}

function isStandardSchema(
  value: unknown,
): value is { readonly '~standard': { readonly validate: (input: unknown) => unknown } } {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || !('~standard' in value))
    return false;
  const standard = value['~standard'];
  return (
    typeof standard === 'object' &&
    standard !== null &&
    'validate' in standard &&
    typeof standard.validate === 'function'
  );
}

/** Of packages that ship with this program and say nothing themselves. */
async function versionOf(origin: ProvisionerOrigin): Promise<string | undefined> {
  if (origin.kind !== 'registered' || origin.package === undefined) return undefined;
  try {
    const path = createRequire(import.meta.url).resolve(`${origin.package}/package.json`);
    const json: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof json !== 'object' || json === null || !('version' in json)) return undefined;
    return typeof json.version === 'string' ? json.version : undefined;
  } catch {
    return undefined;
  }
}
