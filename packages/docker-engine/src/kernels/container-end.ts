import { constants } from 'node:os';
import type { KernelExit } from '@gateway-provisioners/core';
import type { ContainerDetails, ContainerState } from '../engine.ts';

const RUNNING: ReadonlySet<string> = new Set(['running', 'paused', 'restarting']);

export function isRunning({ state }: ContainerDetails): boolean {
  return RUNNING.has(state.status);
}

/** How a container that does not run any more came to its end. */
export function exitOf(state: ContainerState, logTail: string): KernelExit {
  const { exitCode, oomKilled, error } = state;
  const detail = error === '' ? {} : { detail: error };
  // One of its processes was ended for memory. bootstrap-kernel.sh of Gateway Provisioners ends with 0 whatever became of
  // its kernel; with a code that is neither 0 nor SIGKILL's the kernel survived that, and ended by itself.
  if (oomKilled && (exitCode === 137 || exitCode === 0)) return { reason: 'oom', exitCode, logTail, ...detail };
  const signal = exitCode > 128 ? signalName(exitCode - 128) : undefined;
  if (signal !== undefined) return { reason: 'signalled', signal, exitCode, logTail, ...detail };
  return { reason: 'exited', exitCode, logTail, ...detail };
}

function signalName(signum: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => number === signum)?.[0];
}
