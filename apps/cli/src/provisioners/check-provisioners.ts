import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { errorMessage, isSchemaAnswer } from '@gateway-provisioners/core';
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
  /** Version of the contract that it was written for; absent when that could not or should not be looked at. */
  readonly apiVersion?: number;
  /** False for one of which no code was run: its manifest was read and its module located, nothing else. */
  readonly imported: boolean;
  /** Empty when none was found. */
  readonly problems: readonly string[];
}

interface CheckProvisionersOptions extends CallOptions {
  /** Run no code of discovered packages: nobody has named them yet. Default false. */
  readonly declaredOnly?: boolean;
}

/** Imports the provisioners of a registry and checks the static part of the contract. Never throws for their sake. */
export async function checkProvisioners(
  registry: ProvisionerRegistry,
  options: CheckProvisionersOptions = {},
): Promise<readonly ProvisionerReport[]> {
  const reports: ProvisionerReport[] = [];
  for (const entry of registry.list()) reports.push(await check(registry, entry, options));
  return reports;
}

async function check(
  registry: ProvisionerRegistry,
  entry: ProvisionerEntry,
  options: CheckProvisionersOptions,
): Promise<ProvisionerReport> {
  const { name, origin } = entry;
  const version = origin.version ?? (await versionOf(origin));
  const report = {
    name,
    source: [origin.kind, origin.package].filter((part) => part !== undefined).join(' '),
    ...(version === undefined ? {} : { version }),
  };
  if (entry.problem !== undefined) return { ...report, imported: false, problems: [entry.problem.message] };
  if (options.declaredOnly === true && origin.kind === 'discovered') {
    return { ...report, imported: false, problems: [] };
  }
  try {
    const definition = await registry.definitionOf(name, options);
    const { apiVersion } = definition;
    return { ...report, apiVersion, imported: true, problems: await problemsOfSchema(definition) };
  } catch (error) {
    return { ...report, imported: true, problems: [errorMessage(error)] };
  }
}

/** A schema must answer any input with a value or with issues. Which settings it wants is its own affair. */
async function problemsOfSchema({ configSchema }: ProvisionerDefinition): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const input of [{}, { no_such_setting: 1 }, null, 'text', []]) {
    try {
      if (!isSchemaAnswer(await configSchema['~standard'].validate(input))) {
        problems.push(`configSchema answers ${JSON.stringify(input)} with neither a value nor issues`);
      }
    } catch (error) {
      problems.push(`configSchema throws for ${JSON.stringify(input)}: ${errorMessage(error)}`);
    }
  }
  return problems;
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
