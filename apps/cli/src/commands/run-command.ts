import { resolve } from 'node:path';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import type { ParameterValue } from '../notebook/parameter-values.ts';
import { readParameterFile } from '../run/parameter-arguments.ts';
import { runNotebookFile } from '../run/run-notebook-file.ts';
import { parseGuessed, parseRaw, parseSeconds } from './parse-option.ts';

interface Options {
  readonly output?: string;
  readonly inplace?: boolean;
  readonly kernel?: string;
  readonly parameter: readonly (readonly [string, ParameterValue])[];
  readonly rawParameter: readonly (readonly [string, ParameterValue])[];
  readonly paramsFile?: string;
  readonly timeout?: number;
  readonly startTimeout: number;
  readonly cwd?: string;
  readonly allowErrors?: boolean;
  readonly progress: boolean;
}

/** `run FILE.ipynb`. */
export function defineRunCommand(command: Command, context: CliContext): void {
  command
    .argument('<file>', 'a notebook (nbformat 4)')
    .addOption(new Option('-o, --output <file>', 'where the executed notebook goes; "-" for standard output'))
    .addOption(new Option('--inplace', 'write it back to the same file (default)').conflicts('output'))
    .option('-k, --kernel <name>', "kernelspec to use instead of the notebook's own")
    .option(
      '-p, --parameter <name value>',
      'set a parameter; numbers and true, false, none are recognised',
      parseGuessed,
      [],
    )
    .option('-r, --raw-parameter <name value>', 'set a parameter to this text', parseRaw, [])
    .option('--params-file <file>', 'parameters from a JSON file; -p and -r go before')
    .option('--timeout <seconds>', 'bound of one cell; it is interrupted and the run fails', parseSeconds)
    .option('--start-timeout <seconds>', 'bound of the start of the kernel', parseSeconds, 60_000)
    .option('--cwd <folder>', "where the kernel works; default: the notebook's folder")
    .option('--allow-errors', 'go on after cells that raise errors')
    .option('--no-progress', 'show no progress')
    .action(async (file: string, options: Options) => {
      const fromFile =
        options.paramsFile === undefined ? [] : await readParameterFile(resolve(context.cwd, options.paramsFile));
      const parameters = new Map([...fromFile, ...options.parameter, ...options.rawParameter]);
      await runNotebookFile({
        context,
        file,
        output: options.output,
        kernelName: options.kernel,
        parameters,
        cellTimeoutMs: options.timeout,
        startTimeoutMs: options.startTimeout,
        kernelCwd: options.cwd,
        allowErrors: options.allowErrors ?? false,
        showProgress: options.progress,
      });
    });
}
