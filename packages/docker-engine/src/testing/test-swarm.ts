import { randomUUID } from 'node:crypto';
import { delay, isProvisionerError, systemClock, withDeadline } from '@gateway-provisioners/core';
import { configFromEnv } from '../config/engine-config.ts';
import type { DockerEngine } from '../engine.ts';
import { openDockerEngine } from '../open-docker-engine.ts';
import type { FollowedTask } from '../swarm/engine-swarm.ts';
import type { ServiceSpec } from '../swarm/service-spec.ts';
import { deferred } from './deferred.ts';
import { BASE_IMAGE } from './test-engine.ts';

/** The real swarm of the testbed, and services, configurations and secrets that are removed at the end. */
export class TestSwarm implements AsyncDisposable {
  readonly engine: DockerEngine;
  readonly id = randomUUID().slice(0, 13);
  readonly labels = { 'gp.test': this.id };
  readonly label = `gp.test=${this.id}`;
  readonly bridge: string;
  readonly overlay: string;

  private constructor(
    engine: DockerEngine,
    { bridge, overlay }: { readonly bridge: string; readonly overlay: string },
  ) {
    this.engine = engine;
    this.bridge = bridge;
    this.overlay = overlay;
  }

  static async open(): Promise<TestSwarm> {
    const { GP_SWARM_HOST: host, GP_SWARM_BRIDGE: bridge = '', GP_SWARM_OVERLAY: overlay = '' } = process.env;
    if (host === undefined) throw new Error('GP_SWARM_HOST is not set: eval "$(tools/testbeds/swarm.sh env)"');
    const engine = openDockerEngine(await configFromEnv({ ...process.env, DOCKER_HOST: host }));
    return new TestSwarm(engine, { bridge, overlay });
  }

  /** A service whose task sleeps, or runs the script. */
  spec(overrides: Partial<ServiceSpec> = {}, script = 'exec sleep 600'): ServiceSpec {
    return {
      name: `gp-test-${randomUUID()}`,
      image: BASE_IMAGE,
      command: ['/bin/sh', '-c', script],
      labels: this.labels,
      stopGraceSeconds: 1,
      ...overrides,
    };
  }

  async create(overrides: Partial<ServiceSpec> = {}, script?: string): Promise<string> {
    return await this.engine.services.create(this.spec(overrides, script));
  }

  /** The task of a service, as soon as it is as it should be. */
  async task(service: string, isWanted: (task: FollowedTask) => boolean): Promise<FollowedTask> {
    const { promise, resolve, reject } = deferred<FollowedTask>();
    let last: readonly FollowedTask[] = [];
    const cancel = this.engine.tasks.follow(service, {
      onTasks: (tasks) => {
        last = tasks;
        const found = tasks.find(isWanted);
        if (found !== undefined) resolve(found);
      },
      onGone: () => {
        reject(new Error(`service ${service} is gone`));
      },
    });
    const giveUp = systemClock.schedule(60_000, () => {
      reject(new Error(`the tasks of ${service} are not as they should be: ${JSON.stringify(last)}`));
    });
    try {
      return await promise;
    } finally {
      giveUp();
      cancel();
    }
  }

  /** Tries until what used it is gone: containers are removed some time after their service. */
  async removed(remove: () => Promise<void>): Promise<void> {
    await withDeadline({ what: 'the removal', timeoutMs: 60_000, clock: systemClock }, async ({ signal }) => {
      for (;;) {
        try {
          await remove();
          return;
        } catch (error) {
          if (!isProvisionerError(error, 'ENGINE_RESOURCE_IN_USE')) throw error;
        }
        await delay(200, { signal, clock: systemClock });
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { services, configs, secrets } = this.engine;
    const labels = [this.label];
    for (const { id } of await services.list({ labels })) await services.remove(id);
    for (const { id } of await configs.list({ labels })) await configs.remove(id);
    for (const { id } of await secrets.list({ labels })) await secrets.remove(id);
    await this.engine[Symbol.asyncDispose]();
  }
}
