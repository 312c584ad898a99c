import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { errorMessage, isProvisionerError } from '@gateway-provisioners/core';
import {
  DEFAULT_IMAGE_FOLDER,
  imageLanguages,
  installImageBootstrap,
  listImageBootstrap,
  parseImageLanguage,
  planImageBootstrap,
  removeImageBootstrap,
} from '@gateway-provisioners/installer';
import type { ImageLanguage, ImagePlan } from '@gateway-provisioners/installer';
import type { CliContext, ExitCode } from '../cli-context.ts';
import { FailedCommand, WrongCommandLine } from '../failed-command.ts';
import { LOG_LEVELS, parseLogLevel } from '../installer/log-level.ts';
import { newProgram } from '../new-program.ts';
import { reportFailure } from '../report-failure.ts';
import { textTable } from '../text-table.ts';

const NAME = 'jupyter-image-bootstrap';

interface Flags {
  readonly path: string;
  readonly json?: boolean;
}

interface InstallFlags extends Flags {
  readonly languages?: readonly ImageLanguage[];
  readonly launchersOnly?: boolean;
  readonly toreeAssembly?: string;
  readonly launchersDir?: string;
  readonly dryRun?: boolean;
  readonly logLevel: number;
}

/** Runs one command line of `jupyter-image-bootstrap`. Nothing is thrown. */
export async function runImageCli(context: CliContext): Promise<ExitCode> {
  const program = (await newProgram(NAME, context)).description(
    'Prepares kernel images: launchers, and the script that starts them',
  );
  const command = (verb: string, what: string): Command =>
    program
      .command(verb)
      .description(what)
      .allowExcessArguments(false)
      .option('--path <folder>', 'the folder', DEFAULT_IMAGE_FOLDER)
      .option('--json', 'print what was done, or found, as JSON');
  defineInstall(command('install', 'put launchers and bootstrap-kernel.sh into a folder'), context);
  command('list', 'list what was installed in a folder').action(async (flags: Flags) => {
    await list(flags, context);
  });
  command('remove', 'remove what was installed in a folder, and nothing else').action(async (flags: Flags) => {
    await remove(flags, context);
  });
  try {
    const args = context.args.map((arg) => (arg === '--help-all' ? '--help' : arg));
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return reportFailure(error, NAME, context);
  }
}

function defineInstall(command: Command, context: CliContext): void {
  command
    .addOption(
      new Option(
        '--languages <names...>',
        `${imageLanguages.join(', ')}; several, in any case (default python)`,
      ).argParser(addLanguages),
    )
    .option('--launchers-only', 'without bootstrap-kernel.sh')
    .option(
      '--toree-assembly <file>',
      "Apache Toree's toree-assembly-*.jar, for scala (default: the Python environment's)",
    )
    .option('--launchers-dir <folder>', 'copy launchers and script from here instead of our own')
    .option('--dry-run', 'say what would be written and change nothing')
    .addOption(
      new Option('--log-level <level>', `${LOG_LEVELS}; from ERROR on no warnings`)
        .argParser(parseLogLevel)
        .default(30, 'WARN'),
    )
    .option('-y', "ignored: nobody is asked anything (Gateway Provisioners' option)")
    .addHelpText(
      'after',
      `
Examples:
  # in a Dockerfile: what a Python image needs, in /usr/local/bin
  RUN ${NAME} install
  # Python and R, in a folder that a Dockerfile copies
  ${NAME} install --languages python r --path ./image
  # see what would be written
  ${NAME} install --languages node --dry-run
`,
    )
    .action(async (flags: InstallFlags) => {
      await install(flags, context);
    });
}

/** Also a comma list, as in `--languages python,r`. */
function addLanguages(text: string, previous: readonly ImageLanguage[] | undefined): readonly ImageLanguage[] {
  const found = text.split(',').map((name) => {
    const language = parseImageLanguage(name);
    if (language !== undefined) return language;
    throw new InvalidArgumentError(`use ${imageLanguages.join(', ')}.`);
  });
  return [...(previous ?? []), ...found];
}

async function install(flags: InstallFlags, context: CliContext): Promise<void> {
  const plan = await planOf(flags, context);
  if (flags.dryRun !== true) {
    await elsewhere(() => installImageBootstrap(plan, { signal: context.signal }));
  }
  if (flags.logLevel < 40) for (const warning of plan.warnings) context.stderr.write(`Warning: ${warning}\n`);
  const { folder, languages, warnings } = plan;
  if (flags.json === true) {
    const files = plan.files.map(({ path, executable, sha256 }) => ({ path, executable, sha256 }));
    print({ dry_run: flags.dryRun === true, folder, languages, files, warnings }, context);
    return;
  }
  for (const { path } of plan.files) {
    context.stdout.write(`${flags.dryRun === true ? 'Would write' : 'Wrote'} ${resolve(folder, path)}\n`);
  }
  if (flags.launchersOnly !== true) {
    const language = languages[0] ?? 'python';
    const script = resolve(folder, 'bootstrap-kernel.sh');
    context.stdout.write(`In the image: ENV KERNEL_LANGUAGE=${language} and CMD ["${script}"]\n`);
  }
}

async function planOf(flags: InstallFlags, context: CliContext): Promise<ImagePlan> {
  const { cwd, env } = context;
  const toreeAssembly = flags.toreeAssembly === undefined ? undefined : resolve(cwd, flags.toreeAssembly);
  try {
    return await planImageBootstrap({
      languages: flags.languages,
      launchersOnly: flags.launchersOnly,
      folder: resolve(cwd, flags.path),
      toreeAssembly,
      launchersDir: flags.launchersDir === undefined ? undefined : resolve(cwd, flags.launchersDir),
      env,
    });
  } catch (error) {
    if (isProvisionerError(error)) throw new WrongCommandLine(errorMessage(error));
    throw error;
  }
}

async function list(flags: Flags, context: CliContext): Promise<void> {
  const listing = await listImageBootstrap(resolve(context.cwd, flags.path));
  if (flags.json === true) {
    print(listing, context);
    return;
  }
  const rows = listing.files.map(({ path, state }) => [path, state]);
  context.stdout.write(
    rows.length === 0 ? `Nothing is installed in ${listing.folder}.\n` : textTable(['FILE', 'STATE'], rows),
  );
}

async function remove(flags: Flags, context: CliContext): Promise<void> {
  const folder = resolve(context.cwd, flags.path);
  const removed = await elsewhere(() => removeImageBootstrap(folder, { signal: context.signal }));
  if (removed.length === 0) throw new FailedCommand(`nothing is installed in ${folder}`);
  if (flags.json === true) print({ folder, removed }, context);
  else for (const path of removed) context.stdout.write(`Removed ${resolve(folder, path)}\n`);
}

/** Adds what helps where permission is missing. */
async function elsewhere<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!isProvisionerError(error, 'FORBIDDEN')) throw error;
    throw new FailedCommand(`${errorMessage(error)}; choose another place with --path, or be its owner`);
  }
}

function print(value: object, context: CliContext): void {
  context.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
