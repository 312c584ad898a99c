import { CommanderError } from 'commander';
import { errorMessage, isProvisionerError } from '@gateway-provisioners/core';
import type { CliContext, ExitCode } from './cli-context.ts';
import { FailedCommand, WrongCommandLine } from './failed-command.ts';

/** Tells people why a command failed, if they have not been told yet, and programs with the exit code. */
export function reportFailure(error: unknown, program: string, context: CliContext): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof FailedCommand || error instanceof WrongCommandLine) {
    context.stderr.write(`${program}: ${error.message}\n`);
    return error instanceof WrongCommandLine ? 2 : 1;
  }
  const known = isProvisionerError(error) && error.code !== 'INTERNAL';
  // A defect of ours: its place in the code is what a report needs.
  const stack = !known && error instanceof Error ? `\n${error.stack ?? ''}` : '';
  context.stderr.write(`${program}: ${errorMessage(error)}${stack}\n`);
  return 1;
}
