#!/usr/bin/env node
import { runCli } from './run-cli.ts';

// The one place that reads the process. Handlers for signals are installed here, so that the program also ends when it
// is the first process of a container, to which the system applies no defaults.
const stop = new AbortController();
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
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

process.exitCode = await runCli({
  args: process.argv.slice(2),
  env: process.env,
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
  now: () => Date.now(),
});
