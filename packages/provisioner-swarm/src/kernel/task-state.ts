import type { LaunchProgress } from '@gateway-provisioners/core';
import type { TaskDetails } from '@gateway-provisioners/docker-engine';

const ENDED: ReadonlySet<string> = new Set(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned']);

export function hasEnded({ state }: TaskDetails): boolean {
  return ENDED.has(state);
}

/** A node that is lost cannot say that its tasks have ended: they are only not wanted any more. */
export function mayBeOutOfDate(task: TaskDetails): boolean {
  return task.desiredState !== 'running' && !hasEnded(task);
}

/** Where a task that is on its way stands, in the swarm's own words. */
export function taskProgress({ state, message, error }: TaskDetails): LaunchProgress | undefined {
  const words = error === '' ? message : error;
  switch (state) {
    case 'new':
    case 'allocated':
      return { phase: 'queued', message: words };
    case 'pending':
      return { phase: 'scheduling', message: words };
    case 'assigned':
    case 'accepted':
    case 'preparing':
      return { phase: 'pulling', message: `${words}: the node fetches the image if it does not have it` };
    case 'ready':
    case 'starting':
      return { phase: 'starting', message: words };
    default:
      return undefined;
  }
}
