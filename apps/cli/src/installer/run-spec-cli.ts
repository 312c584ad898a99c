import type { SpecBackend } from '@gateway-provisioners/installer';
import type { CliContext, ExitCode } from '../cli-context.ts';
import { newProgram } from '../new-program.ts';
import { reportFailure } from '../report-failure.ts';
import { defineInstallCommand } from './install-command.ts';
import { defineListCommand } from './list-command.ts';
import { defineRemoveCommand } from './remove-command.ts';
import { shortenArguments } from './spec-arguments.ts';
import { specPrograms } from './spec-programs.ts';

/** Runs one command line of `jupyter-docker-spec`, `-k8s-spec`, `-yarn-spec` or `-ssh-spec`. Nothing is thrown. */
export async function runSpecCli(backend: SpecBackend, context: CliContext): Promise<ExitCode> {
  const { name, description, target, configClass } = specPrograms[backend];
  const program = (await newProgram(name, context)).description(description);
  const command = (verb: string, what: string) => program.command(verb).description(what).allowExcessArguments(false);
  defineInstallCommand(command('install', `make a kernelspec for ${target}`), backend, context);
  defineListCommand(command('list', `list the kernelspecs for ${target}`), backend, context);
  defineRemoveCommand(command('remove', `remove kernelspecs for ${target}`), backend, context);
  try {
    const classes = ['Application', 'JupyterApp', 'BaseSpecApp', 'BaseSpecSparkApp', configClass];
    await program.parseAsync(shortenArguments(context.args, classes), { from: 'user' });
    return 0;
  } catch (error) {
    return reportFailure(error, name, context);
  }
}
