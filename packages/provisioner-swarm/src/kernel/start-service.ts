import {
  KernelFailureError,
  ProvisionerError,
  describeExit,
  errorMessage,
  raceSignal,
  throwIfAborted,
  withDeadline,
} from '@gateway-provisioners/core';
import type { Clock, LaunchContext, LauncherParameters, Logger } from '@gateway-provisioners/core';
import type { CreateOptions } from '@gateway-provisioners/core/remote';
import type { DockerEngine, FollowedTask, TaskDetails } from '@gateway-provisioners/docker-engine';
import { assertReachable, kernelLabels } from '@gateway-provisioners/docker-engine/kernels';
import type { OwnNode } from '../engine/own-node.ts';
import { chooseEntry } from '../service/choose-entry.ts';
import { serviceRequest } from '../service/service-request.ts';
import type { ServiceRequest } from '../service/service-request.ts';
import { userChoice } from '../service/user-choice.ts';
import { placeholderValues } from '../service/user-data.ts';
import type { SwarmConfig } from '../settings/swarm-settings.ts';
import { removeService } from './remove-service.ts';
import { endFacts, taskExit } from './task-end.ts';
import { hasEnded, taskProgress } from './task-state.ts';

/** Bound of what must not be aborted, because the engine may do it all the same. */
const CREATE_MS = 60_000;
const CLEAN_UP_MS = 60_000;

export interface StartOptions {
  readonly engine: DockerEngine;
  readonly ownNode: OwnNode;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly context: LaunchContext;
  readonly config: SwarmConfig;
  readonly parameters: LauncherParameters;
  readonly create: CreateOptions;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
}

export interface StartedService {
  readonly id: string;
  readonly request: ServiceRequest;
  readonly task: TaskDetails;
  readonly ownNodeId: string;
}

/** Creates the service, waits until its task runs, and takes it over. Whatever fails, it is removed before this rejects. */
export async function startService<T>(
  options: StartOptions,
  takeOver: (started: StartedService) => Promise<T>,
): Promise<T> {
  const { context, config, parameters, create } = options;
  const { signal, progress } = create;
  throwIfAborted(signal);
  const values = await placeholderValues(context, config);
  const user = userChoice(context, config, values);
  const entry = await chooseEntry(context, config, user);
  const request = serviceRequest({ ...options, entry, user, values });
  const { spec, secret, network, volumes } = request;
  assertReachable(parameters.public.responseAddress, network);
  const ownNodeId = await options.ownNode.id({ signal });

  // The name is enough to find it: known before there is anything.
  await create.checkpoint({ name: spec.name, volumes: [...volumes] });
  throwIfAborted(signal);
  progress({ phase: 'queued', message: `creating service ${spec.name}` });
  // Not aborted: the engine may create it after we have gone.
  const creating = createBoth(options, { spec, secret });
  try {
    const id = await raceSignal(creating, signal);
    const task = await untilRunning(options, { id, ownNodeId });
    return await takeOver({ id, request, task, ownNodeId });
  } catch (error) {
    await cleanUp(options, { request, creating, ownNodeId });
    throw error;
  }
}

async function createBoth(
  { engine, context }: StartOptions,
  { spec, secret }: Pick<ServiceRequest, 'spec' | 'secret'>,
): Promise<string> {
  if (secret !== undefined) {
    const labels = kernelLabels(context);
    await engine.secrets.create({ ...secret, labels }, { timeoutMs: CREATE_MS });
  }
  return await engine.services.create(spec, { timeoutMs: CREATE_MS });
}

async function cleanUp(
  { engine, clock, logger, context }: StartOptions,
  {
    request,
    creating,
    ownNodeId,
  }: {
    readonly request: ServiceRequest;
    readonly creating: Promise<string>;
    readonly ownNodeId: string;
  },
): Promise<void> {
  const { name } = request.spec;
  try {
    await withDeadline({ what: `remove ${name}`, timeoutMs: CLEAN_UP_MS, clock }, async ({ signal }) => {
      await raceSignal(creating, signal).catch(() => undefined);
      const { volumes } = request;
      await removeService({ engine, clock, logger, owner: context, service: name, volumes, ownNodeId, signal });
    });
  } catch (error) {
    // What is left carries our label, and is removed by the next reconciliation.
    const about = { service: name, error: errorMessage(error) };
    logger.warn('the service of a failed launch could not be removed', about);
  }
}

/** Rejects as soon as the task has failed, with what the swarm says about it. */
async function untilRunning(
  options: StartOptions,
  { id, ownNodeId }: { readonly id: string; readonly ownNodeId: string },
): Promise<TaskDetails> {
  const { engine, create } = options;
  let told = '';
  let stop = (): void => undefined;
  const settled = new Promise<FollowedTask | undefined>((resolve) => {
    stop = engine.tasks.follow(id, {
      onTasks: ([task]) => {
        if (task === undefined) return;
        const progress = taskProgress(task);
        const text = JSON.stringify(progress);
        if (progress !== undefined && text !== told) create.progress(progress);
        told = text;
        if (task.state === 'running' || hasEnded(task) || task.nodeState === 'down') resolve(task);
      },
      onGone: () => {
        resolve(undefined);
      },
      // Perhaps it is back before the deadline; if not, this is what explains it.
      onUnreachable: ({ message }) => {
        create.progress({ phase: 'scheduling', message });
      },
    });
  });
  try {
    const task = await raceSignal(settled, create.signal);
    if (task === undefined) throw new Error('the service was removed by somebody else');
    if (task.state === 'running' && task.desiredState === 'running') return task;
    throw await failureOf(options, { task, ownNodeId });
  } finally {
    stop();
  }
}

async function failureOf(
  { engine, context }: StartOptions,
  { task, ownNodeId }: { readonly task: FollowedTask; readonly ownNodeId: string },
): Promise<Error> {
  const coordinates = { kernelId: context.kernelId, node: task.nodeId };
  // The manager has no status for this, only the node's words.
  if (task.state === 'rejected' && /^No such image\b/.test(task.error)) {
    return new ProvisionerError('IMAGE_NOT_FOUND', `the node of the swarm could not get the image: ${task.error}`, {
      coordinates,
    });
  }
  const exit = hasEnded(task)
    ? taskExit(task, await endFacts(engine, { task, ownNodeId }))
    : { reason: 'gone' as const, logTail: '', detail: `its node is ${task.nodeState === 'down' ? 'down' : 'drained'}` };
  const message =
    task.state === 'rejected'
      ? `the node of the swarm refused the task: ${task.error}`
      : `the task of the kernel ended before its launcher called home: ${describeExit(exit)}`;
  return new KernelFailureError('LAUNCH_FAILED', message, { exit, coordinates });
}
