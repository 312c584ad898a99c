import type { Command } from 'commander';
import type { CliContext, ExitCode } from './cli-context.ts';
import { newProgram } from './new-program.ts';
import { reportFailure } from './report-failure.ts';

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
  const program = (await newProgram('gateway-provisioners', context)).description(
    'Run Jupyter kernels somewhere else: a gateway, and tools for it',
  );
  for (const { name, description, define } of commands) {
    const command = program.command(name).description(description);
    // What a command needs is imported for it alone: the gateway's modules are most of the time that a start takes.
    if (context.args.includes(name)) (await define())(command, context);
  }
  try {
    await program.parseAsync(await argumentsOf(context), { from: 'user' });
    return 0;
  } catch (error) {
    return reportFailure(error, 'gateway-provisioners', context);
  }
}

async function argumentsOf({ args }: CliContext): Promise<readonly string[]> {
  if (args[0] !== 'run') return args;
  const { joinParameterArguments } = await import('./run/parameter-arguments.ts');
  return joinParameterArguments(args);
}
