import type { KernelExit } from './errors.ts';

/** How a kernel ended, as the end of a sentence: "it exited with code 3 (…)". */
export function describeExit(exit: KernelExit): string {
  const detail = exit.detail === undefined ? '' : ` (${exit.detail})`;
  return phrase(exit) + detail;
}

function phrase(exit: KernelExit): string {
  switch (exit.reason) {
    case 'exited':
      return exit.exitCode === undefined || exit.exitCode === 'unknown'
        ? 'it exited, with what code is not known'
        : `it exited with code ${String(exit.exitCode)}`;
    case 'signalled':
      return `it was ended by ${exit.signal ?? 'a signal'}`;
    case 'oom':
      return 'it ran out of memory';
    case 'evicted':
      return 'its resource was taken away by the backend';
    case 'killed':
      return 'it was killed';
    case 'gone':
      return 'it is not there any more';
  }
}
