import type { KernelExit } from '@gateway-provisioners/core';
import type { DockerEngine, TaskDetails } from '@gateway-provisioners/docker-engine';
import { exitOf } from '@gateway-provisioners/docker-engine/kernels';

const LOG_TAIL_BYTES = 4096;
const LOG_MS = 5_000;

/** What else is known of a task that has ended. */
export interface TaskEndFacts {
  readonly logTail: string;
  /** Undefined where only another node's engine knows. */
  readonly oomKilled: boolean | undefined;
}

/** How a task that has ended came to its end. */
export function taskExit(task: TaskDetails, { logTail, oomKilled }: TaskEndFacts): KernelExit {
  const { state, exitCode, error } = task;
  const isOnlyCode = /^task: non-zero exit \(\d+\)$/.test(error);
  const detail = error === '' || isOnlyCode ? {} : { detail: error };
  if (state === 'complete') return { reason: 'exited', exitCode: 0, logTail };
  if (state === 'failed' && exitCode !== undefined && exitCode !== 0) {
    const exit = exitOf({ status: 'exited', exitCode, oomKilled: oomKilled ?? false, error: '' }, logTail);
    const isKilled = exitCode === 137 && oomKilled === undefined;
    const words = isKilled ? { detail: 'only the engine of its node knows whether its memory ran out' } : {};
    return { ...exit, ...words, ...detail };
  }
  if (state === 'shutdown') {
    const words = detail.detail ?? 'the swarm stopped its task: its node was drained, or it was scaled down';
    return { reason: 'evicted', logTail, detail: words, ...(exitCode === undefined ? {} : { exitCode }) };
  }
  if (state === 'failed' || state === 'rejected') return { reason: 'exited', exitCode: 'unknown', logTail, ...detail };
  return { reason: 'gone', logTail, ...detail };
}

/** Asks for what the task itself does not say; what cannot be asked is left out. */
export async function endFacts(
  engine: DockerEngine,
  { task, ownNodeId }: { readonly task: TaskDetails; readonly ownNodeId: string },
): Promise<TaskEndFacts> {
  const { containerId, nodeId } = task;
  const isHere = nodeId !== undefined && nodeId === ownNodeId && containerId !== undefined;
  const [logTail, details] = await Promise.all([
    // Its log driver may not be one that can be read from, or its node be away.
    engine.services.logs(task.serviceId, { maxBytes: LOG_TAIL_BYTES }, { timeoutMs: LOG_MS }).catch(() => ''),
    isHere ? engine.containers.inspect(containerId).catch(() => undefined) : undefined,
  ]);
  return { logTail, oomKilled: isHere ? (details?.state.oomKilled ?? false) : undefined };
}
