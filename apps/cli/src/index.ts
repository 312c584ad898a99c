/**
 * The command line, for programs that embed it.
 * @module
 */
export type { CliContext, ExitCode, TextOutput } from './cli-context.ts';
export { runCli } from './run-cli.ts';
