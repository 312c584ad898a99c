import type { CliContext, ExitCode } from './cli-context.ts';

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs a command line for this process: the one place that reads it. Handlers for signals are installed here, so that
 * the program also ends when it is the first process of a container, to which the system applies no defaults.
 */
export async function runInProcess(run: (context: CliContext) => Promise<ExitCode>): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(SIGNALS[name]);
      stop.abort();
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // The reader of a pipe has gone: nobody is left to tell.
      if (error.code !== 'EPIPE') throw error;
    });
  }
  process.exitCode = await run({
    args: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    signal: stop.signal,
    now: () => Date.now(),
  });
}
