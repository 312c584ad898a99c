import {
  OWNER_VARIABLE,
  attachProcessGroup,
  endMarkedProcesses,
  formatOwner,
  isProvisionerError,
} from '@gateway-provisioners/core';
import type {
  CallOptions,
  Clock,
  ProcessGroup,
  ProcessIdentity,
  ProcessWatcher,
  ResourceOwner,
} from '@gateway-provisioners/core';
import { removeKernelFiles } from './kernel-files.ts';
import type { KernelFiles } from './kernel-files.ts';

export interface EndKernelOptions extends CallOptions {
  readonly owner: ResourceOwner;
  readonly files: KernelFiles;
  readonly group: ProcessGroup | undefined;
  readonly watcher: ProcessWatcher;
  readonly clock: Clock;
  /** Runs when no process is left and the files, with the log, still are. */
  readonly beforeRemoval?: (() => Promise<unknown>) | undefined;
}

/**
 * Ends every process of one incarnation of a kernel (its group, and by their marker those that left it) and removes
 * its files. What is gone already is no error, so this may run twice, at once or after a crash.
 */
export async function endKernel(options: EndKernelOptions): Promise<void> {
  const { owner, group, watcher, clock, signal } = options;
  // The group first: descendants that cleared their environment are still in it.
  await group?.endGroup({ graceMs: 0, signal });
  await endMarkedProcesses({ name: OWNER_VARIABLE, value: formatOwner(owner), table: watcher.table, signal, clock });
  await options.beforeRemoval?.();
  await removeKernelFiles(options.files);
}

export interface FindGroupOptions extends CallOptions {
  readonly watcher: ProcessWatcher;
  readonly clock: Clock;
}

/** The process group that a state names; undefined when it is gone or its number is somebody else's by now. */
export async function findGroup(
  identity: ProcessIdentity | undefined,
  options: FindGroupOptions,
): Promise<ProcessGroup | undefined> {
  if (identity === undefined) return undefined;
  try {
    return await attachProcessGroup(identity, options);
  } catch (error) {
    // A state that was tampered with, or a process that has left its own group: its marker finds the rest.
    if (isProvisionerError(error, 'INVALID_ARGUMENT')) return undefined;
    throw error;
  }
}
