import type { Command } from 'commander';
import type { SpecBackend } from '@gateway-provisioners/installer';
import { createKernelSpecs, toKernelJson } from '@gateway-provisioners/kernelspec';
import type { CliContext } from '../cli-context.ts';
import { textTable } from '../text-table.ts';
import { addDestinationOptions, searchPathOf } from './destination.ts';
import type { DestinationFlags } from './destination.ts';
import { specPrograms } from './spec-programs.ts';

/** `list`: the kernelspecs that a program is for. */
export function defineListCommand(command: Command, backend: SpecBackend, context: CliContext): void {
  addDestinationOptions(command, 'wherever Jupyter looks')
    .option('--json', 'as JSON')
    .action(async (flags: DestinationFlags & { readonly json?: boolean }) => {
      const { provisioners, target } = specPrograms[backend];
      const searchPath = await searchPathOf(flags, context);
      await using kernelSpecs = await createKernelSpecs({ env: context.env, searchPath });
      const { specs } = await kernelSpecs.list({ signal: context.signal });
      const own = specs.filter(({ provisioner }) => provisioners.includes(provisioner.provisionerName));
      if (flags.json === true) {
        const kernelspecs = Object.fromEntries(
          own.map((spec) => [spec.name, { resource_dir: spec.resourceDir ?? null, spec: toKernelJson(spec) }]),
        );
        context.stdout.write(`${JSON.stringify({ kernelspecs }, null, 2)}\n`);
        return;
      }
      const rows = own.map(({ name, displayName, provisioner, resourceDir }) => [
        name,
        displayName,
        provisioner.provisionerName,
        resourceDir ?? '',
      ]);
      const header = ['NAME', 'DISPLAY NAME', 'PROVISIONER', 'FOLDER'];
      context.stdout.write(rows.length === 0 ? `No kernelspecs for ${target}.\n` : textTable(header, rows));
    });
}
