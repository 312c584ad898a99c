import { join } from 'node:path';
import type { Command } from 'commander';
import {
  addConfiguredProvisioners,
  discoverProvisioners,
  discoveryPatterns,
  discoverySettings,
  resolveSettings,
} from '@gateway-provisioners/core';
import type { ProvisionerRegistry } from '@gateway-provisioners/core';
import type { CliContext } from '../cli-context.ts';
import { parsePair } from '../commands/parse-option.ts';

/** What a person asks for besides the provisioners that ship with this program. */
export interface FurtherProvisioners {
  readonly provisioner: readonly (readonly [name: string, module: string])[];
  readonly discover?: boolean;
  readonly discoverAllow?: string;
  readonly discoverDeny?: string;
}

/** Adds the options of {@link FurtherProvisioners}. */
export function withFurtherProvisioners(command: Command): Command {
  const { discover_allow: allow, discover_deny: deny } = discoverySettings;
  return command
    .option('--provisioner <name=module>', 'also a package, or a file of this folder', parsePair, [])
    .option('--discover', "also what the dependencies in this folder's package.json offer")
    .option('--discover-allow <patterns>', `${allow.description} Also GP_DISCOVER_ALLOW.`)
    .option('--discover-deny <patterns>', `${deny.description} Also GP_DISCOVER_DENY.`);
}

/** Errors: `INVALID_CONFIG` for patterns that are none; `PROVISIONER_LOAD_FAILED` without a package.json to look at. */
export async function addFurtherProvisioners(
  registry: ProvisionerRegistry,
  asked: FurtherProvisioners,
  { cwd, env, signal }: CliContext,
): Promise<void> {
  const hostPackageJson = join(cwd, 'package.json');
  const provisioners = Object.fromEntries(asked.provisioner);
  const { discoverAllow, discoverDeny } = asked;
  const { values } = resolveSettings(discoverySettings, { env, flags: { discoverAllow, discoverDeny } });
  await addConfiguredProvisioners(registry, { hostPackageJson, provisioners, signal });
  if (asked.discover !== true) return;
  await discoverProvisioners(registry, { hostPackageJson, signal, ...discoveryPatterns(values) });
}
