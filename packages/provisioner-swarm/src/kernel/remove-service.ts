import { ProvisionerError, delay, formatOwner, isProvisionerError, openDeadline } from '@gateway-provisioners/core';
import type { Clock, Logger, ResourceOwner } from '@gateway-provisioners/core';
import type { DockerEngine, TaskDetails } from '@gateway-provisioners/docker-engine';
import { OWNER_LABEL, isOwnedBy } from '@gateway-provisioners/docker-engine/kernels';
import { isAutoremoved } from '../service/service-mounts.ts';
import { removeVolumes } from './remove-volumes.ts';
import { hasEnded } from './task-state.ts';

const POLL_MS = 100;
/** A node that does not answer must not hold up the rest. */
const TASKS_MS = 30_000;

export interface RemoveOptions {
  readonly engine: DockerEngine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly owner: ResourceOwner;
  /** Id or name. */
  readonly service: string;
  /** Volumes that were to be removed with it, for when the service cannot tell any more. */
  readonly volumes: readonly string[];
  readonly ownNodeId: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Removes a service when it is that owner's, waits until its task has ended, then removes its volumes that are to be
 * removed, and its secrets. What is gone already, or is another's by the same name, is not ours. A container on another
 * node is removed by the swarm, a moment after this resolves.
 */
export async function removeService(options: RemoveOptions): Promise<void> {
  const { engine, owner, signal } = options;
  const label = `${OWNER_LABEL}=${formatOwner(owner)}`;
  const details = await engine.services.inspect(options.service, { signal });
  const isOurs = details !== undefined && isOwnedBy(details.labels, owner);
  const volumes = new Set(options.volumes);
  for (const { type, source, volumeLabels } of isOurs ? details.mounts : []) {
    if (type === 'volume' && source !== '' && isAutoremoved(volumeLabels)) volumes.add(source);
  }
  const before = await engine.tasks.list({ labels: [label] }, { signal });
  if (isOurs) await engine.services.remove(details.id, { signal });
  await untilEnded(options, label);
  const nodes = new Set(before.map(({ nodeId }) => nodeId));
  await removeOwnVolumes(options, { volumes, nodes });
  // Last: what is left of an interrupted removal is found by them.
  const secrets = await engine.secrets.list({ labels: [label] }, { signal });
  for (const { id } of secrets) await engine.secrets.remove(id, { signal });
}

/** A service's containers are stopped after it has been removed; those of a node that is down cannot be waited for. */
async function untilEnded(options: RemoveOptions, label: string): Promise<void> {
  const { engine, clock, logger } = options;
  using scope = openDeadline({ what: 'the end of its tasks', timeoutMs: TASKS_MS, signal: options.signal, clock });
  const { signal } = scope;
  try {
    for (;;) {
      // Before the containers: one that comes in between is of a task that does not run yet here, and counts as active.
      const tasks = await engine.tasks.list({ labels: [label] }, { signal });
      // At once where we can: the swarm gives a container time to end, and removes it some time after its task.
      for (const { id } of await engine.containers.list({ labels: [label] }, { signal })) {
        await engine.containers.remove(id, { signal });
      }
      const active = await Promise.all(tasks.map(async (task) => await isActive(task, options)));
      if (!active.includes(true)) return;
      await delay(POLL_MS, { signal, clock });
    }
  } catch (error) {
    if (!isProvisionerError(error, 'DEADLINE_EXCEEDED')) throw error;
    logger.warn('the tasks of a service that was removed have not ended yet', { label });
  }
}

/** Whether there is a container, or is about to be one. */
async function isActive(task: TaskDetails, { engine, ownNodeId, signal }: RemoveOptions): Promise<boolean> {
  const { nodeId, state } = task;
  if (hasEnded(task) || nodeId === undefined) return false;
  // Its container was removed above; that the task has ended, its node tells the managers later.
  if (nodeId === ownNodeId) return state !== 'running';
  return (await engine.nodes.inspect(nodeId, { signal }))?.state === 'ready';
}

/** Another node's engine cannot be asked from here. */
async function removeOwnVolumes(
  { engine, clock, logger, owner, ownNodeId, signal }: RemoveOptions,
  { volumes, nodes }: { readonly volumes: ReadonlySet<string>; readonly nodes: ReadonlySet<string | undefined> },
): Promise<void> {
  const elsewhere = [...nodes].filter((node) => node !== undefined && node !== ownNodeId);
  if (elsewhere.length > 0) {
    for (const volume of volumes) {
      logger.warn('a volume stays on another node', { volume, node: elsewhere.join() });
    }
  }
  if (nodes.size > 0 && !nodes.has(ownNodeId)) return;
  await removeVolumes({ engine, clock, logger, instanceId: owner.instanceId, volumes, signal });
}

/** Errors: `INVALID_ARGUMENT`. */
export function assertServiceName(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new ProvisionerError('INVALID_ARGUMENT', 'this is not the state of a kernel of docker-swarm-provisioner');
}
