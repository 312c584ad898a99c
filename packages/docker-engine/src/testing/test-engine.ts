import { randomUUID } from 'node:crypto';
import { until } from '@gateway-provisioners/core/testing';
import { configFromEnv } from '../config/engine-config.ts';
import type { ContainerSpec } from '../container-spec.ts';
import type { DockerEngine } from '../engine.ts';
import { openDockerEngine } from '../open-docker-engine.ts';

export const BASE_IMAGE = 'gp-test/kernel-base';

/** The real engine of the testbed, and containers that are removed at the end. */
export class TestEngine implements AsyncDisposable {
  readonly engine: DockerEngine;
  readonly label = `gp.test=${randomUUID()}`;

  private constructor(engine: DockerEngine) {
    this.engine = engine;
  }

  /** The engine of the testbed, or the one at this address, as DOCKER_HOST has it. */
  static async open(host?: string, settings = process.env): Promise<TestEngine> {
    if (process.env['GP_TEST_DOCKER'] === undefined) {
      throw new Error('GP_TEST_DOCKER is not set: eval "$(tools/testbeds/docker.sh env)"');
    }
    const env = host === undefined ? settings : { ...settings, DOCKER_HOST: host };
    return new TestEngine(openDockerEngine(await configFromEnv(env)));
  }

  /** A container that sleeps, or runs the script. */
  spec(overrides: Partial<ContainerSpec> = {}, script = 'exec sleep 600'): ContainerSpec {
    return {
      name: `gp-test-${randomUUID()}`,
      image: BASE_IMAGE,
      command: ['/bin/sh', '-c', script],
      labels: { [this.label.split('=')[0] ?? '']: this.label.split('=')[1] ?? '' },
      ...overrides,
    };
  }

  async run(overrides: Partial<ContainerSpec> = {}, script?: string): Promise<string> {
    const id = await this.engine.containers.create(this.spec(overrides, script));
    await this.engine.containers.start(id);
    return id;
  }

  /** A container whose script has written `ready`: an engine has started one before its program begins. */
  async runUntilReady(overrides: Partial<ContainerSpec> = {}, script = 'echo ready; exec sleep 600'): Promise<string> {
    const id = await this.run(overrides, script);
    const log = async () => await this.engine.containers.logs(id, { maxBytes: 100 });
    await until('a container that is ready', async () => (await log()).includes('ready'));
    return id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { id } of await this.engine.containers.list({ labels: [this.label] })) {
      await this.engine.containers.remove(id);
    }
    await this.engine[Symbol.asyncDispose]();
  }
}
