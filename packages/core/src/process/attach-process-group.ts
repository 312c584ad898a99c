import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { raceSignal } from '../deadline.ts';
import { ProvisionerError } from '../errors.ts';
import type { CallOptions } from '../provisioner.ts';
import { GroupControl } from './group-control.ts';
import type { ProcessExit, ProcessGroup } from './process-group.ts';
import type { ProcessIdentity } from './process-table.ts';
import type { ProcessWatcher } from './process-watcher.ts';

export interface AttachProcessGroupOptions extends CallOptions {
  /** Shared by all groups that one owner attaches to: it looks once for all. */
  readonly watcher: ProcessWatcher;
  readonly clock?: Clock | undefined;
}

/**
 * Takes over a group that an earlier program started. Undefined when its leader is gone.
 * Errors: `INVALID_ARGUMENT` when the process is not the leader of its own group, or must never be signalled.
 */
export async function attachProcessGroup(
  identity: ProcessIdentity,
  options: AttachProcessGroupOptions,
): Promise<ProcessGroup | undefined> {
  const { pid, startTime } = identity;
  const { watcher } = options;
  const entry = (await raceSignal(watcher.table.lookup([pid]), options.signal)).get(pid);
  if (entry?.startTime !== startTime) return undefined;
  if (pid <= 1 || pid === process.pid || entry.pgid !== pid) {
    throw new ProvisionerError('INVALID_ARGUMENT', `process ${String(pid)} is not a process group that we may end`);
  }
  const control = new GroupControl({
    identity: { pid, startTime },
    table: watcher.table,
    clock: options.clock ?? systemClock,
    isHeld: () => false,
  });
  let running = true;
  let stopWatching = (): void => undefined;
  const exited = new Promise<ProcessExit>((resolve) => {
    stopWatching = watcher.watch(identity, () => {
      running = false;
      resolve({ exitCode: 'unknown', signal: undefined });
    });
  });
  return {
    identity: { pid, startTime },
    pid,
    exited,
    get running() {
      return running;
    },
    signalGroup: (signum) => control.signalGroup(signum),
    signalLeader: (signum) => control.signalLeader(signum),
    isEmpty: () => control.isEmpty(),
    endGroup: (endOptions) => control.end(endOptions),
    [Symbol.dispose]() {
      stopWatching();
    },
  };
}
