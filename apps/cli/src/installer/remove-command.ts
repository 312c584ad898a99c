import type { Command } from 'commander';
import { errorMessage } from '@gateway-provisioners/core';
import type { SpecBackend } from '@gateway-provisioners/installer';
import { createKernelSpecs } from '@gateway-provisioners/kernelspec';
import type { KernelSpecs } from '@gateway-provisioners/kernelspec';
import type { CliContext } from '../cli-context.ts';
import { FailedCommand } from '../failed-command.ts';
import { addDestinationOptions, searchPathOf } from './destination.ts';
import type { DestinationFlags } from './destination.ts';
import { specPrograms } from './spec-programs.ts';

interface Flags extends DestinationFlags {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** `remove`: all of the named kernelspecs, or, when one of them cannot be, none. */
export function defineRemoveCommand(command: Command, backend: SpecBackend, context: CliContext): void {
  addDestinationOptions(command, 'wherever Jupyter finds it first')
    .argument('<names...>', 'names of kernelspecs')
    .option('--force', 'whatever it is for, and even when its kernel.json cannot be read')
    .option('--json', 'print what was removed as JSON')
    .action(async (names: readonly string[], flags: Flags) => {
      const searchPath = await searchPathOf(flags, context);
      await using kernelSpecs = await createKernelSpecs({ env: context.env, searchPath });
      if (flags.force !== true) for (const name of names) await check(kernelSpecs, name, { backend, context });
      const removed: string[] = [];
      for (const name of new Set(names.map((each) => each.toLowerCase()))) {
        removed.push(await kernelSpecs.remove(name, { signal: context.signal }));
      }
      if (flags.json === true) context.stdout.write(`${JSON.stringify({ removed }, null, 2)}\n`);
      else for (const folder of removed) context.stdout.write(`Removed ${folder}\n`);
    });
}

async function check(
  kernelSpecs: KernelSpecs,
  name: string,
  { backend, context }: { readonly backend: SpecBackend; readonly context: CliContext },
): Promise<void> {
  const { provisioners, target } = specPrograms[backend];
  const { provisioner } = await kernelSpecs.find(name, { signal: context.signal }).catch((error: unknown) => {
    throw new FailedCommand(`nothing was removed: ${errorMessage(error)}`);
  });
  if (provisioners.includes(provisioner.provisionerName)) return;
  const message = `nothing was removed: ${name} is not for ${target} but for ${provisioner.provisionerName}; --force removes it`;
  throw new FailedCommand(message);
}
