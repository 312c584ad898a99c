import { suggestion } from '@gateway-provisioners/core';
import { gatewaySettings } from './gateway-settings.ts';
import { renamedSettings, unusedSettings, variablesOfBackends } from './known-variables.ts';

const PREFIX = /^(?:GP|EG|KG)_(?=.)/;

export interface UnusedVariables {
  /** By name; sorted. */
  readonly variables: readonly string[];
  /** What to do, one line for all variables that it concerns. */
  readonly advice: readonly string[];
}

/**
 * Variables that are called as settings are (`GP_…`, `EG_…`, `KG_…`), have a value, and are read neither by the gateway nor
 * by what comes with it. `inherited` are names that kernels get, where others may read them. No value is ever told.
 */
export function unusedVariables(
  env: Readonly<Record<string, string | undefined>>,
  inherited: readonly string[] = [],
): UnusedVariables {
  const known = [...variablesOfGateway(), ...variablesOfBackends];
  const used = new Set([...known, ...inherited]);
  const variables = Object.keys(env)
    .filter((name) => PREFIX.test(name) && !used.has(name) && (env[name] ?? '') !== '')
    .sort();
  const advice = new Map<string, readonly string[]>();
  for (const name of variables) {
    const text = adviceFor(name.replace(PREFIX, '')) ?? `no such variable${suggestion(name, known)}`;
    advice.set(text, [...(advice.get(text) ?? []), name]);
  }
  return { variables, advice: [...advice].map(([text, names]) => `${names.join(', ')}: ${text}`) };
}

/** What to do with a key of a configuration file that is no setting, if it is one that Enterprise Gateway has. */
export function adviceForKey(key: string): string | undefined {
  const renamed = renamedSettings.get(key);
  if (renamed !== undefined) return `its name here is ${renamed}`;
  const variable = `GP_${key.toUpperCase()}`;
  if (variablesOfBackends.includes(variable)) return `not read from this file: set the variable ${variable}`;
  // `EnterpriseGatewayApp`, `RemoteMappingKernelManager`, …: traitlets have a section for each class.
  if (/^[A-Z]\w*[a-z]\w*$/.test(key)) return 'there are no sections here: what is in it stands at the top';
  return adviceFor(key.toUpperCase());
}

function variablesOfGateway(): readonly string[] {
  return Object.values(gatewaySettings).flatMap(({ env }) => env ?? []);
}

function adviceFor(name: string): string | undefined {
  return unusedSettings.find(({ names }) => names.includes(name))?.advice;
}
