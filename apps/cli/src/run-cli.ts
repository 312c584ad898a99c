import { Command, CommanderError } from 'commander';
import { errorMessage, isProvisionerError } from '@gateway-provisioners/core';
import type { CliContext, ExitCode } from './cli-context.ts';
import { FailedCommand } from './failed-command.ts';
import { joinParameterArguments } from './run/parameter-arguments.ts';
import { readVersion } from './version.ts';

type Define = (command: Command, context: CliContext) => void;

const commands: readonly {
  readonly name: string;
  readonly description: string;
  readonly define: () => Promise<Define>;
}[] = [
  {
    name: 'start',
    description: 'start the gateway and serve until it is told to stop',
    define: async () => (await import('./commands/start-command.ts')).defineStartCommand,
  },
  {
    name: 'run',
    description: 'execute a notebook and write its outputs back; fails if a cell fails',
    define: async () => (await import('./commands/run-command.ts')).defineRunCommand,
  },
  {
    name: 'kernelspecs',
    description: 'kernelspecs of this machine',
    define: async () => (await import('./commands/kernelspecs-command.ts')).defineKernelSpecsCommand,
  },
  {
    name: 'provisioners',
    description: 'provisioners that kernelspecs can name',
    define: async () => (await import('./commands/provisioners-command.ts')).defineProvisionersCommand,
  },
];

/** Runs one command line and says how it went. Messages for people go to the context's outputs; nothing is thrown. */
export async function runCli(context: CliContext): Promise<ExitCode> {
  const program = new Command('gateway-provisioners')
    .description('Run Jupyter kernels somewhere else: a gateway, and tools for it')
    .version(await readVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError('(--help tells more)');
  for (const { name, description, define } of commands) {
    const command = program.command(name).description(description);
    // What a command needs is imported for it alone: the gateway's modules are most of the time that a start takes.
    if (context.args.includes(name)) (await define())(command, context);
  }
  try {
    const args = context.args[0] === 'run' ? joinParameterArguments(context.args) : context.args;
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return report(error, context);
  }
}

function report(error: unknown, context: CliContext): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof FailedCommand) {
    context.stderr.write(`gateway-provisioners: ${error.message}\n`);
    return 1;
  }
  const known = isProvisionerError(error) && error.code !== 'INTERNAL';
  // A defect of ours: its place in the code is what a report needs.
  const stack = !known && error instanceof Error ? `\n${error.stack ?? ''}` : '';
  context.stderr.write(`gateway-provisioners: ${errorMessage(error)}${stack}\n`);
  return 1;
}
