import type { Command } from 'commander';
import { toKernelJson } from '@gateway-provisioners/kernelspec';
import type { KernelSpecListing } from '@gateway-provisioners/kernelspec';
import type { CliContext } from '../cli-context.ts';
import { openLocalKernelSpecs } from '../host/local-kernel-specs.ts';
import type { ValidateFlags } from '../installer/validate-kernelspecs.ts';
import { textTable } from '../text-table.ts';
import { withFurtherProvisioners } from '../provisioners/further-provisioners.ts';

/** `kernelspecs list` and `kernelspecs validate`. */
export function defineKernelSpecsCommand(group: Command, context: CliContext): void {
  group
    .command('list')
    .description('list the kernelspecs that are found, and what is wrong with the others')
    .option('--json', 'as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      await using kernelspecs = await openLocalKernelSpecs(context.env);
      const listing = await kernelspecs.list({ signal: context.signal });
      const defaultName = await kernelspecs.defaultName({ signal: context.signal });
      if (options.json === true) context.stdout.write(asJson(listing, defaultName));
      else printListing(context, listing, defaultName);
    });
  const validate = group
    .command('validate')
    .description(
      'check kernelspecs without starting kernels: schema, provisioner, settings, command line; fails on errors',
    )
    .argument('[folder]', "a kernelspec's folder, or one with such folders; default: all that are found");
  withFurtherProvisioners(validate)
    .option('--json', 'as JSON')
    .action(async (folder: string | undefined, flags: ValidateFlags) => {
      const { validateKernelSpecs } = await import('../installer/validate-kernelspecs.ts');
      await validateKernelSpecs(folder, flags, context);
    });
}

/** The form of `jupyter kernelspec list --json`, and more. */
function asJson(listing: KernelSpecListing, defaultName: string): string {
  const kernelspecs = Object.fromEntries(
    listing.specs.map((spec) => [
      spec.name,
      {
        resource_dir: spec.resourceDir ?? null,
        provisioner: { provisioner_name: spec.provisioner.provisionerName, config: spec.provisioner.config },
        spec: toKernelJson(spec),
      },
    ]),
  );
  const problems = listing.problems.map(({ name, path, message }) => ({ name: name ?? null, path, message }));
  return `${JSON.stringify({ default: defaultName, kernelspecs, problems }, null, 2)}\n`;
}

function printListing(context: CliContext, listing: KernelSpecListing, defaultName: string): void {
  const rows = listing.specs.map((spec) => [
    spec.name === defaultName ? `${spec.name} *` : spec.name,
    spec.displayName,
    spec.provisioner.provisionerName,
    spec.resourceDir ?? '(built in)',
  ]);
  context.stdout.write(
    rows.length === 0 ? 'No kernelspecs.\n' : textTable(['NAME', 'DISPLAY NAME', 'PROVISIONER', 'FOLDER'], rows),
  );
  if (listing.problems.length === 0) return;
  context.stderr.write('\nProblems:\n');
  for (const { path, message } of listing.problems) {
    context.stderr.write(message.includes(path) ? `  ${message}\n` : `  ${path}: ${message}\n`);
  }
}
