import { resolve } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import { destinationFolder, kernelSpecFolders } from '@gateway-provisioners/kernelspec';
import type { KernelSpecDestination } from '@gateway-provisioners/kernelspec';
import type { CliContext } from '../cli-context.ts';

export interface DestinationFlags {
  readonly user?: boolean;
  readonly prefix?: string;
  readonly sysPrefix?: boolean;
}

/** The three options that say where kernelspecs are, of which one may be given. */
export function addDestinationOptions(command: Command, otherwise: string): Command {
  const group = 'Where:';
  return command
    .addOption(
      new Option('--user', `in your own folder of kernelspecs; default: ${otherwise}`)
        .conflicts(['prefix', 'sysPrefix'])
        .helpGroup(group),
    )
    .addOption(
      new Option('--prefix <folder>', 'in FOLDER/share/jupyter/kernels').conflicts('sysPrefix').helpGroup(group),
    )
    .addOption(
      new Option(
        '--sys-prefix',
        'in the Python environment: CONDA_PREFIX, else VIRTUAL_ENV, else that of the first python3',
      ).helpGroup(group),
    );
}

/** Undefined when nothing was said. */
export function destinationOf(flags: DestinationFlags, context: CliContext): KernelSpecDestination | undefined {
  if (flags.user === true) return { to: 'user' };
  if (flags.prefix !== undefined) return { to: 'prefix', prefix: resolve(context.cwd, flags.prefix) };
  return flags.sysPrefix === true ? { to: 'sys-prefix' } : undefined;
}

/** The folders that were asked for; undefined means all that Jupyter searches. */
export async function searchPathOf(
  flags: DestinationFlags,
  context: CliContext,
): Promise<readonly string[] | undefined> {
  const destination = destinationOf(flags, context);
  if (destination === undefined) return undefined;
  return [destinationFolder(destination, await kernelSpecFolders({ env: context.env }))];
}
