import { linuxProcessTable } from './linux-process-table.ts';
import { psProcessTable } from './ps-process-table.ts';

/**
 * A process, told apart from any later one with the same number. JSON, so that a record can hold it.
 * `startTime` is opaque text: on Linux the boot id and the clock tick of the start, on macOS the start as `ps` prints it.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** A live process as the system shows it; a zombie is not live. */
export interface ProcessEntry extends ProcessIdentity {
  /** Its process group. */
  readonly pgid: number;
}

/** A process that carries a variable. */
export interface MarkedProcess extends ProcessEntry {
  /** The variable's value when the process was started. */
  readonly value: string;
}

/** What the operating system knows about processes. Nothing here blocks the event loop. */
export interface ProcessTable {
  /** Those of `pids` that live. */
  lookup(pids: readonly number[]): Promise<ReadonlyMap<number, ProcessEntry>>;
  /** Live members of a process group. */
  groupMembers(pgid: number): Promise<readonly ProcessEntry[]>;
  /**
   * Live processes whose environment at their start has the variable `name`; those of other users are not seen.
   * On macOS the value must be without blanks.
   */
  withVariable(name: string): Promise<readonly MarkedProcess[]>;
}

/** The table of this machine: `/proc` on Linux, `ps` elsewhere. */
export function systemProcessTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  return platform === 'linux' ? linuxProcessTable() : psProcessTable();
}

/** The system's entry for `pid`; undefined when it does not live. */
export async function identifyProcess(
  pid: number,
  options: { readonly table?: ProcessTable } = {},
): Promise<ProcessEntry | undefined> {
  const entries = await (options.table ?? systemProcessTable()).lookup([pid]);
  return entries.get(pid);
}

/** Whether that very process still lives; false when another one has got its number since. */
export async function isSameProcess(
  identity: ProcessIdentity,
  options: { readonly table?: ProcessTable } = {},
): Promise<boolean> {
  const entry = await identifyProcess(identity.pid, options);
  return entry?.startTime === identity.startTime;
}

/**
 * Live processes that carry the environment variable `name`, with its value; only those with `value` when that is
 * given. Finds descendants that left their process group, and orphans of an earlier run, by an ownership marker.
 */
export async function findMarkedProcesses(
  name: string,
  options: { readonly value?: string; readonly table?: ProcessTable } = {},
): Promise<readonly MarkedProcess[]> {
  const found = await (options.table ?? systemProcessTable()).withVariable(name);
  return options.value === undefined ? found : found.filter(({ value }) => value === options.value);
}
