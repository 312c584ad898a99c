import { Command } from 'commander';
import type { CliContext } from './cli-context.ts';
import { readVersion } from './version.ts';

/** A program that prints to the context's outputs and throws instead of ending the process. */
export async function newProgram(name: string, context: CliContext): Promise<Command> {
  return new Command(name)
    .version(await readVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => {
        // The suggestion stands on a line of its own; an error of ours is one line.
        const line = text
          .trim()
          .replace(/^error: /, '')
          .replace(/\s*\n\s*/g, ' ');
        write(`${name}: ${line} (--help tells more)\n`);
      },
    });
}
