import { ProvisionerError, isProvisionerError } from '@gateway-provisioners/core';
import type {
  CallOptions,
  Cancellation,
  Clock,
  JsonObject,
  KernelEndpoint,
  KernelExit,
  KernelStats,
  Liveness,
  Logger,
} from '@gateway-provisioners/core';
import type { RemoteResource } from '@gateway-provisioners/core/remote';
import type { DockerEngine, FollowedTask, TaskDetails } from '@gateway-provisioners/docker-engine';
import { kernelStats } from '@gateway-provisioners/docker-engine/kernels';
import { endFacts, taskExit } from './task-end.ts';
import { hasEnded, mayBeOutOfDate } from './task-state.ts';

const LOG_BYTES = 16_384;
const LOG_MS = 10_000;
const SIGKILL = 9;
const SIGTERM = 15;

export interface SwarmServiceOptions {
  readonly engine: DockerEngine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly id: string;
  readonly name: string;
  readonly volumes: readonly string[];
  /** The node that the engine is. */
  readonly ownNodeId: string;
  /** Where it is reached from here; undefined: where its launcher answered from. */
  readonly address: string | undefined;
  /** Milliseconds that its node may be down before it counts as gone. */
  readonly lostAfterMs: number;
  /** Removes the service and what belongs to it. */
  readonly removeAll: (options: CallOptions) => Promise<void>;
}

/** The service of one kernel, which runs one task, once. Made when the task has been seen to run. */
export class SwarmService implements RemoteResource {
  readonly ended: Promise<KernelExit>;
  readonly address: string | undefined;
  readonly #options: SwarmServiceOptions;
  readonly #stopFollowing: Cancellation;
  #settle: (exit: KernelExit) => void = () => undefined;
  #hasEnded = false;
  #lossTimer: Cancellation | undefined;

  constructor(options: SwarmServiceOptions) {
    this.#options = options;
    this.address = options.address;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#stopFollowing = options.engine.tasks.follow(options.id, {
      onTasks: ([task]) => {
        if (task !== undefined) void this.#see(task);
      },
      onGone: () => {
        this.#end({ reason: 'gone', logTail: '', detail: 'its service was removed' });
      },
    });
  }

  get state(): JsonObject {
    const { id, name, volumes, address } = this.#options;
    return { service: id, name, volumes: [...volumes], ...(address === undefined ? {} : { address }) };
  }

  async liveness({ signal }: CallOptions): Promise<Liveness> {
    if (this.#hasEnded) return 'dead';
    const { engine, id } = this.#options;
    try {
      const task = await this.#task({ signal });
      if (task === undefined)
        return (await engine.services.inspect(id, { signal })) === undefined ? 'dead' : 'unreachable';
      if (hasEnded(task)) return 'dead';
      if (!mayBeOutOfDate(task) || task.nodeId === undefined) return 'alive';
      const node = await engine.nodes.inspect(task.nodeId, { signal });
      return node?.state === 'ready' ? 'alive' : 'unreachable';
    } catch (error) {
      if (isProvisionerError(error, 'CANCELLED')) throw error;
      return 'unreachable';
    }
  }

  /**
   * By the engine where the task is on its own node. On others a swarm knows only how to stop: SIGTERM and SIGKILL remove
   * the service, which sends SIGTERM and, later, SIGKILL. Errors: `KERNEL_UNREACHABLE` for other signals there.
   */
  async signal(signum: number, options: CallOptions): Promise<void> {
    const { engine, ownNodeId, id, name } = this.#options;
    const task = await this.#task(options);
    if (task?.containerId === undefined || hasEnded(task)) return;
    if (task.nodeId === ownNodeId) {
      await engine.containers.kill(task.containerId, signum, options);
      return;
    }
    if (signum === SIGTERM || signum === SIGKILL) {
      await engine.services.remove(id, options);
      return;
    }
    throw new ProvisionerError(
      'KERNEL_UNREACHABLE',
      `signal ${String(signum)} cannot be delivered: the launcher of the kernel does not answer, and the engine of its node ` +
        'cannot be reached from here',
      { coordinates: { service: name, node: task.nodeId } },
    );
  }

  async remove(options: CallOptions): Promise<void> {
    await this.#options.removeAll(options);
    this.#end({ reason: 'gone', logTail: '' });
  }

  async logs({ signal, maxBytes = LOG_BYTES }: CallOptions & { readonly maxBytes?: number }): Promise<string> {
    const { engine, id } = this.#options;
    return await engine.services.logs(id, { maxBytes }, { signal, timeoutMs: LOG_MS });
  }

  /** Every port of a container is reached at its own address. */
  endpoint(port: number): Promise<KernelEndpoint | undefined> {
    const { address } = this;
    return Promise.resolve(this.#hasEnded || address === undefined ? undefined : { host: address, port });
  }

  /** Only on the own node: a manager cannot ask the engines of others. */
  async stats(options: CallOptions): Promise<KernelStats | undefined> {
    const { engine, ownNodeId } = this.#options;
    const task = await this.#task(options);
    if (task?.containerId === undefined || task.nodeId !== ownNodeId || hasEnded(task)) return undefined;
    return await kernelStats(engine, task.containerId, options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#letGo();
    return Promise.resolve();
  }

  async #task(options: CallOptions): Promise<TaskDetails | undefined> {
    const { engine, id } = this.#options;
    try {
      const tasks = await engine.tasks.list({ services: [id] }, options);
      return [...tasks].sort((a, b) => b.createdAt.localeCompare(a.createdAt))[0];
    } catch (error) {
      // Tasks of a service that is gone cannot be asked for.
      if ((await engine.services.inspect(id, options)) === undefined) return undefined;
      throw error;
    }
  }

  async #see(task: FollowedTask): Promise<void> {
    const { engine, ownNodeId } = this.#options;
    if (hasEnded(task)) this.#end(taskExit(task, await endFacts(engine, { task, ownNodeId })));
    else if (task.nodeState === 'down') this.#expectLoss(task);
    else this.#stopExpectingLoss();
  }

  /** The swarm gives a task up when its node is down: should the node come back, it stops the task. */
  #expectLoss({ nodeId }: FollowedTask): void {
    const { clock, lostAfterMs, logger, name } = this.#options;
    if (this.#lossTimer !== undefined || this.#hasEnded) return;
    logger.warn('the node of a kernel is down', { service: name, node: nodeId });
    this.#lossTimer = clock.schedule(
      lostAfterMs,
      () => {
        this.#end({ reason: 'gone', logTail: '', detail: `its node ${nodeId ?? ''} is down` });
      },
      { background: true },
    );
  }

  #stopExpectingLoss(): void {
    this.#lossTimer?.();
    this.#lossTimer = undefined;
  }

  #letGo(): void {
    this.#stopExpectingLoss();
    this.#stopFollowing();
  }

  #end(exit: KernelExit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#letGo();
    this.#settle(exit);
  }
}
