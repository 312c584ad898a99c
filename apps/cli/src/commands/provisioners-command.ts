import type { Command } from 'commander';
import { PROVISIONER_API_VERSION } from '@gateway-provisioners/core';
import type { CliContext } from '../cli-context.ts';
import { openLocalRegistry } from '../host/local-registry.ts';
import { openRuntimeFolder } from '../host/runtime-folder.ts';
import { checkProvisioners } from '../provisioners/check-provisioners.ts';
import type { ProvisionerReport } from '../provisioners/check-provisioners.ts';
import { addFurtherProvisioners, withFurtherProvisioners } from '../provisioners/further-provisioners.ts';
import type { FurtherProvisioners } from '../provisioners/further-provisioners.ts';
import { FailedCommand } from '../failed-command.ts';
import { textTable } from '../text-table.ts';

interface Options extends FurtherProvisioners {
  readonly json?: boolean;
}

/** `provisioners list` and `provisioners check`. */
export function defineProvisionersCommand(group: Command, context: CliContext): void {
  const add = (name: string, description: string): Command =>
    withFurtherProvisioners(group.command(name).description(description)).option('--json', 'as JSON');
  add(
    'list',
    'list them: where they come from, version, version of the contract, problems; runs no code of what is discovered',
  ).action(async (options: Options) => {
    const reports = await reportsOf(context, options, true);
    printReports(context, reports, options);
  });
  add('check', 'import each and check what can be checked without starting a kernel; fails if any has a problem')
    .argument('[names...]', 'only these')
    .action(async (names: readonly string[], options: Options) => {
      const all = await reportsOf(context, options);
      const unknown = names.filter((name) => !all.some((report) => report.name === name));
      if (unknown.length > 0) throw new FailedCommand(`no provisioner is called ${unknown.join(', ')}`);
      const reports = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
      printReports(context, reports, options);
      const bad = reports.filter(({ problems }) => problems.length > 0).length;
      if (bad > 0) throw new FailedCommand(`${String(bad)} of ${String(reports.length)} provisioners cannot be used`);
    });
}

async function reportsOf(
  context: CliContext,
  options: Options,
  declaredOnly = false,
): Promise<readonly ProvisionerReport[]> {
  await using folder = await openRuntimeFolder(context.env);
  await using registry = openLocalRegistry({ env: context.env, instanceId: 'check', runtimeDir: folder.path });
  await addFurtherProvisioners(registry, options, context);
  return await checkProvisioners(registry, { signal: context.signal, declaredOnly });
}

function printReports(context: CliContext, reports: readonly ProvisionerReport[], options: Options): void {
  if (options.json === true) {
    const document = { hostApiVersion: PROVISIONER_API_VERSION, provisioners: reports };
    context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    return;
  }
  const rows = reports.map(({ name, source, version, apiVersion, imported, problems }) => [
    name,
    source,
    version ?? '-',
    apiVersion === undefined ? '-' : String(apiVersion),
    problems.length > 0 ? problems.join('; ') : imported ? 'ok' : 'not imported',
  ]);
  context.stdout.write(textTable(['NAME', 'SOURCE', 'VERSION', 'API', 'STATUS'], rows));
}
