import { dirname, join } from 'node:path';
import { launcherPath } from '@gateway-provisioners/launchers';
import type { LaunchOptions } from './launcher-bench.ts';

/** Stands for a kernel, and ends when this process does, so that nothing is left of a run that was killed. */
const kernel = [
  'sh',
  '-c',
  'while kill -0 "$0" 2>/dev/null; do sleep 1; done',
  String(process.pid),
  '{connection_file}',
];

/** The listener alone: the launcher in R itself starts IRkernel and nothing else. */
const R_LISTENER = [
  'words <- commandArgs(TRUE)',
  'listener <- new.env()',
  'sys.source(words[[1]], envir = listener)',
  'code <- listener$run_kernel(words[[2]], words[[3]], "", function(file) words[-(1:3)])',
  'quit(save = "no", status = code)',
].join('; ');

/**
 * The listeners of our launchers beside a child that stands for a kernel: command lines that need their interpreters (of
 * `GP_TEST_PYTHON` and `GP_TEST_R`, else of the PATH) and no kernel.
 */
export const listenerPrograms = {
  python: ({ kernelId, responseAddress, publicKey }) => [
    process.env['GP_TEST_PYTHON'] ?? 'python3',
    join(dirname(launcherPath('python')), 'server_listener.py'),
    ...['--kernel-id', kernelId, '--response-address', responseAddress, '--public-key', publicKey, '--', ...kernel],
  ],
  node: ({ kernelId, responseAddress, publicKey }) => [
    process.execPath,
    launcherPath('node'),
    ...['--kernel-id', kernelId, '--response-address', responseAddress, '--public-key', publicKey, '--', ...kernel],
  ],
  r: ({ kernelId, responseAddress }) => [
    process.env['GP_TEST_R'] ?? 'Rscript',
    ...['-e', R_LISTENER, join(dirname(launcherPath('r')), 'gateway_listener.R')],
    ...[kernelId, responseAddress, ...kernel],
  ],
} as const satisfies Record<string, LaunchOptions['argv']>;
