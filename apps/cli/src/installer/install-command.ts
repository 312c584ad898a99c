import { resolve } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import { errorMessage, isProvisionerError } from '@gateway-provisioners/core';
import {
  installKernelSpecs,
  planKernelSpecs,
  resolveSpecOptions,
  specOptionRows,
} from '@gateway-provisioners/installer';
import type { InstallPlan, SpecBackend, SpecOptionRow } from '@gateway-provisioners/installer';
import type { CliContext } from '../cli-context.ts';
import { FailedCommand, WrongCommandLine } from '../failed-command.ts';
import { addDestinationOptions, destinationOf } from './destination.ts';
import type { DestinationFlags } from './destination.ts';
import { LOG_LEVELS, parseLogLevel } from './log-level.ts';
import { readSpecConfig } from './spec-config-file.ts';
import { specPrograms } from './spec-programs.ts';

interface Flags extends DestinationFlags {
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly config?: string;
  readonly launchersDir?: string;
  readonly logLevel: number;
  readonly debug?: boolean;
}

/** `install`: one option for each setting of the backend's kernelspecs. */
export function defineInstallCommand(command: Command, backend: SpecBackend, context: CliContext): void {
  const { name, examples } = specPrograms[backend];
  for (const row of specOptionRows(backend)) if (row.flag !== undefined) command.addOption(optionFor(row, row.flag));
  addDestinationOptions(command, '/usr/local/share/jupyter/kernels')
    .option('--replace', 'replace a kernelspec of the same name; until then the old one stays as it is')
    .option(
      '--launchers-dir <folder>',
      'copy launchers from here instead of our own; laid out as /usr/local/bin/kernel-launchers of an image',
    )
    .option('--dry-run', 'print kernel.json and change nothing')
    .option('--json', 'print what was done as JSON')
    .option('--config <file>', "settings from a JSON file of Jupyter's; options are stronger, variables weaker")
    .addOption(
      new Option('--log-level <level>', `${LOG_LEVELS}; from ERROR on no warnings`)
        .argParser(parseLogLevel)
        .default(30, 'WARN'),
    )
    .option('--debug', 'the same as --log-level DEBUG: also show how the options were understood')
    .addHelpText('after', `\nExamples:\n${examples.map(([what, args]) => `  # ${what}\n  ${name} ${args}\n`).join('')}`)
    .action(async (flags: Flags & Readonly<Record<string, unknown>>) => {
      await install(backend, flags, context);
    });
}

function optionFor(row: SpecOptionRow, flag: string): Option {
  const fallback =
    row.form === 'switch' || row.default === undefined ? undefined : (JSON.parse(row.default) as unknown);
  const shown = Array.isArray(fallback)
    ? fallback.join(',')
    : typeof fallback === 'string' || typeof fallback === 'number'
      ? String(fallback)
      : '';
  const origin = [...row.env, ...(shown === '' ? [] : [`default ${shown}`])];
  const end = origin.length === 0 ? '' : ` (${origin.join(', ')})`;
  const value = row.form === 'switch' ? ' [true|false]' : row.form === 'list' ? ' <name>' : ' <value>';
  const option = new Option(`${flag}${value}`, `${row.description.replace(/\.$/, '')}${end}`).helpGroup(
    'The kernelspec:',
  );
  if (row.form === 'list') {
    option.argParser((text: string, previous: readonly string[] | undefined) => [...(previous ?? []), text]);
  }
  return option;
}

async function install(
  backend: SpecBackend,
  flags: Flags & Readonly<Record<string, unknown>>,
  context: CliContext,
): Promise<void> {
  const logLevel = flags.debug === true ? 10 : flags.logLevel;
  const { plan, warnings } = await planOf(backend, { flags, logLevel, context });
  if (flags.dryRun !== true) await write(plan, flags, context);
  if (logLevel < 40) for (const warning of warnings) context.stderr.write(`Warning: ${warning}\n`);
  if (flags.json === true) {
    context.stdout.write(`${JSON.stringify(asJson(plan, warnings, flags.dryRun === true), null, 2)}\n`);
    return;
  }
  for (const { name, kernelJson, folder } of plan.kernelSpecs) {
    const text = flags.dryRun === true ? JSON.stringify(kernelJson, null, 2) : `Installed ${name} in ${folder}`;
    context.stdout.write(`${text}\n`);
  }
}

/** Everything that can be wrong with the command line shows here, before anything is written. */
async function planOf(
  backend: SpecBackend,
  {
    flags,
    logLevel,
    context,
  }: {
    readonly flags: Flags & Readonly<Record<string, unknown>>;
    readonly logLevel: number;
    readonly context: CliContext;
  },
): Promise<{ readonly plan: InstallPlan; readonly warnings: readonly string[] }> {
  const { env, cwd } = context;
  const path = flags.config === undefined ? undefined : resolve(cwd, flags.config);
  const classes = ['BaseSpecApp', 'BaseSpecSparkApp', specPrograms[backend].configClass];
  try {
    const file = path === undefined ? undefined : { path, values: await readSpecConfig(path, classes) };
    const asked = resolveSpecOptions(backend, { flags, file, env });
    if (logLevel <= 10) context.stderr.write(`Debug: options ${JSON.stringify(asked.specs)}\n`);
    const launchersDir = flags.launchersDir === undefined ? undefined : resolve(cwd, flags.launchersDir);
    const destination = destinationOf(flags, context) ?? { to: 'system' };
    const plan = await planKernelSpecs({ specs: asked.specs, destination, env, launchersDir });
    return { plan, warnings: [...asked.warnings, ...warningsOf(plan)] };
  } catch (error) {
    if (isProvisionerError(error)) throw new WrongCommandLine(errorMessage(error));
    throw error;
  }
}

function warningsOf(plan: InstallPlan): readonly string[] {
  const warnings = plan.kernelSpecs.flatMap(({ name, warnings: own, missingLaunchers, folder }) => {
    const missing = missingLaunchers.filter(({ optional }) => !optional).map(({ path }) => path);
    const needed = `${name} needs ${missing.join(' and ')} in ${folder}: give --launchers-dir, or put them there`;
    return [...own.map((warning) => `${name}: ${warning}`), ...(missing.length === 0 ? [] : [needed])];
  });
  if (plan.onSearchPath) return warnings;
  return [
    ...warnings,
    `kernelspecs in ${plan.parent} are not found as things are: Jupyter does not look there (JUPYTER_PATH)`,
  ];
}

async function write(plan: InstallPlan, flags: Flags, context: CliContext): Promise<void> {
  const { env, signal } = context;
  try {
    await installKernelSpecs(plan, { env, signal, replace: flags.replace });
  } catch (error) {
    if (isProvisionerError(error, 'INVALID_STATE')) {
      throw new FailedCommand(`${errorMessage(error)}; --replace replaces it, --kernel-name chooses another name`);
    }
    if (isProvisionerError(error, 'FORBIDDEN')) {
      throw new FailedCommand(`${errorMessage(error)}; choose another place: --user, --sys-prefix or --prefix`);
    }
    throw error;
  }
}

function asJson(plan: InstallPlan, warnings: readonly string[], dryRun: boolean): object {
  return {
    dry_run: dryRun,
    kernelspecs: plan.kernelSpecs.map(({ name, variant, folder, kernelJson, files, missingLaunchers }) => ({
      name,
      variant,
      resource_dir: folder,
      spec: kernelJson,
      files: ['kernel.json', ...Object.keys(files)].sort(),
      missing: missingLaunchers.map(({ path, optional }) => ({ path, optional })),
    })),
    warnings,
  };
}
