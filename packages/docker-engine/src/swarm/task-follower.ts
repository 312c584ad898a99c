import { delay, errorMessage, isProvisionerError, toProvisionerError } from '@gateway-provisioners/core';
import type { Cancellation, Clock, Logger } from '@gateway-provisioners/core';
import type { EngineEvent, EventFilter, EventListener } from '../engine.ts';
import type {
  EngineNodes,
  EngineServices,
  EngineTasks,
  FollowedTask,
  NodeState,
  TaskDetails,
  TaskListener,
} from './engine-swarm.ts';

export interface TaskFollowerOptions {
  readonly tasks: Pick<EngineTasks, 'list'>;
  readonly nodes: Pick<EngineNodes, 'list'>;
  readonly services: Pick<EngineServices, 'list'>;
  readonly watch: (filter: EventFilter, listener: EventListener) => Cancellation;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Followed {
  readonly serviceId: string;
  readonly listener: TaskListener;
  /** What the listener knows. */
  told: string;
}

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 1_000;
/** While every task runs or has ended. Long would be enough for tasks of the manager's own node alone: it has events. */
const QUIET_PAUSE_MS = 2_000;
const WATCHED: EventFilter = {
  types: ['service', 'node', 'container'],
  actions: ['create', 'update', 'remove', 'start', 'oom', 'die', 'destroy'],
};
const ENDED: ReadonlySet<string> = new Set(['complete', 'shutdown', 'failed', 'rejected', 'remove', 'orphaned']);

/** Tells of the tasks of services: one listing for all that are followed, made again at events and at intervals. */
export class TaskFollower implements Disposable {
  readonly #options: TaskFollowerOptions;
  readonly #followed = new Set<Followed>();
  #nodes: ReadonlyMap<string, NodeState> = new Map();
  #stop: AbortController | undefined;
  #pause: AbortController | undefined;
  #isNews = false;

  constructor(options: TaskFollowerOptions) {
    this.#options = options;
  }

  follow(serviceId: string, listener: TaskListener): Cancellation {
    const followed: Followed = { serviceId, listener, told: '' };
    this.#followed.add(followed);
    if (this.#stop === undefined) this.#start();
    else this.#lookSoon();
    return () => {
      this.#drop(followed);
    };
  }

  [Symbol.dispose](): void {
    this.#followed.clear();
    this.#stop?.abort();
    this.#stop = undefined;
  }

  #drop(followed: Followed): void {
    this.#followed.delete(followed);
    if (this.#followed.size === 0) this[Symbol.dispose]();
  }

  #start(): void {
    const stop = new AbortController();
    this.#stop = stop;
    const cancel = this.#options.watch(WATCHED, {
      onEvent: (event) => {
        if (this.#concernsUs(event)) this.#lookSoon();
      },
      onConnected: () => {
        this.#lookSoon();
      },
    });
    stop.signal.addEventListener('abort', cancel, { once: true });
    void this.#run(stop.signal);
  }

  #concernsUs({ type, id, attributes }: EngineEvent): boolean {
    if (type === 'node') return true;
    const serviceId = type === 'service' ? id : attributes['com.docker.swarm.service.id'];
    return [...this.#followed].some((followed) => followed.serviceId === serviceId);
  }

  #lookSoon(): void {
    this.#isNews = true;
    this.#pause?.abort();
  }

  async #run(signal: AbortSignal): Promise<void> {
    let pauseMs = SHORTEST_PAUSE_MS;
    while (!signal.aborted) {
      // News may come before the managers know what it means: the next looks are soon as well.
      if (this.#isNews) pauseMs = SHORTEST_PAUSE_MS;
      this.#isNews = false;
      const { isNew, isQuiet } = await this.#look(signal);
      if (isNew) pauseMs = SHORTEST_PAUSE_MS;
      await this.#rest(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, isQuiet ? QUIET_PAUSE_MS : LONGEST_PAUSE_MS);
    }
  }

  async #rest(pauseMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isNews || signal.aborted) return;
    const pause = new AbortController();
    this.#pause = pause;
    const end = (): void => {
      pause.abort();
    };
    signal.addEventListener('abort', end, { once: true });
    // Cut short by news or the end: both are looked at by the caller.
    await delay(pauseMs, { signal: pause.signal, clock: this.#options.clock }).catch(() => undefined);
    signal.removeEventListener('abort', end);
    if (this.#pause === pause) this.#pause = undefined;
  }

  async #look(signal: AbortSignal): Promise<{ readonly isNew: boolean; readonly isQuiet: boolean }> {
    const asked = [...this.#followed];
    const services = [...new Set(asked.map(({ serviceId }) => serviceId))];
    try {
      const tasks = await this.#options.tasks.list({ services }, { signal });
      const nodes = await this.#options.nodes.list({ signal });
      this.#nodes = new Map(nodes.map(({ id, state }) => [id, state]));
      const news = asked.map((followed) => this.#followed.has(followed) && this.#tell(followed, tasks));
      return { isNew: news.includes(true), isQuiet: tasks.every(isSettled) && tasks.length >= services.length };
    } catch (error) {
      const isRefused = isProvisionerError(error, 'ENGINE_REFUSED');
      if (!signal.aborted && !(isRefused && (await this.#dropGone(asked, signal)))) this.#unreachable(asked, error);
      return { isNew: isRefused, isQuiet: !isRefused };
    }
  }

  /** A listing of tasks that names a service which is gone is refused as a whole. True if there was one. */
  async #dropGone(asked: readonly Followed[], signal: AbortSignal): Promise<boolean> {
    try {
      const services = await this.#options.services.list({ ids: asked.map(({ serviceId }) => serviceId) }, { signal });
      const existing = new Set(services.map(({ id }) => id));
      const gone = asked.filter((followed) => !existing.has(followed.serviceId) && this.#followed.has(followed));
      for (const followed of gone) {
        this.#drop(followed);
        followed.listener.onGone();
      }
      return gone.length > 0;
    } catch {
      // The caller has the error that matters.
      return false;
    }
  }

  #unreachable(asked: readonly Followed[], error: unknown): void {
    this.#options.logger.debug('the tasks of a swarm could not be listed', { error: errorMessage(error) });
    for (const followed of asked) {
      if (this.#followed.has(followed)) followed.listener.onUnreachable?.(toProvisionerError(error));
    }
  }

  #tell(followed: Followed, all: readonly TaskDetails[]): boolean {
    const tasks = all
      .filter(({ serviceId }) => serviceId === followed.serviceId)
      .map((task): FollowedTask => ({ ...task, nodeState: this.#nodes.get(task.nodeId ?? '') }))
      .sort((a, b) => b.createdAt.localeCompare(a.createdAt));
    const told = JSON.stringify(tasks);
    if (told === followed.told) return false;
    followed.told = told;
    followed.listener.onTasks(tasks);
    return true;
  }
}

/** Nothing more is expected of it without an event. */
function isSettled({ state, desiredState }: TaskDetails): boolean {
  return ENDED.has(state) || (state === 'running' && desiredState === 'running');
}
