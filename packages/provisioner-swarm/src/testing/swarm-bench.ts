import { networkInterfaces } from 'node:os';
import { delay, systemClock } from '@gateway-provisioners/core';
import type { Clock, JsonObject, KernelSpec, Rendezvous, ResourceOwner } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { LaunchBench, LazyRendezvous, launcherSpec } from '@gateway-provisioners/testkit';
import { swarmProvisioner } from '../index.ts';

/** What the testbed's `env` exports. */
export function required(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new Error(`${name} is not set: eval "$(tools/testbeds/swarm.sh env)"`);
}

/** Of the manager; asked for late, so that tests are listed without the testbed. */
export const hostEnv: Readonly<Record<string, string | undefined>> = {
  DOCKER_HOST: process.env['GP_SWARM_HOST'],
};

/**
 * Kernels on the manager's node, on a network of scope swarm that this machine reaches: of the containers there the manager
 * does not know the address, its engine does.
 */
export const onManager: JsonObject = {
  image_name: 'gp-test/kernel-py',
  networks: [process.env['GP_SWARM_BRIDGE'] ?? ''],
  placement: { constraints: ['node.labels.gp.node==1'] },
};
/** Kernels on the other node, in its own network. */
export const onWorker: JsonObject = {
  image_name: 'gp-test/kernel-py',
  networks: ['host'],
  placement: { constraints: ['node.labels.gp.node==2'] },
};

export const swarmSpec = (argv?: readonly string[]): KernelSpec =>
  launcherSpec('docker-swarm-provisioner', { name: 'swarm_python', ...(argv === undefined ? {} : { argv }) });

/** A program of the shell instead of a kernel. */
export const shell = (script: string): KernelSpec => swarmSpec(['/bin/sh', '-c', script]);

/** The listener of a version 1 launcher is a child of the kernel. Its port is closed when it is gone. */
export const withoutListener = `
import psutil
children = psutil.Process().children(recursive=True)
for child in children: child.kill()
psutil.wait_procs(children, timeout=60)`;

/**
 * Where the tests themselves are a task on the overlay network: how its addresses begin, such as `10.216.1.`. Kernels are
 * on that network then, on any node.
 */
export const overlayPrefix = process.env['GP_TEST_SWARM_OVERLAY_PREFIX'];
/** Kernels that whoever runs the tests reaches. */
export const reachable: JsonObject =
  overlayPrefix === undefined
    ? onManager
    : { image_name: 'gp-test/kernel-py', networks: [process.env['GP_SWARM_OVERLAY'] ?? ''] };

export function swarmRendezvous(): LazyRendezvous {
  return new LazyRendezvous(() =>
    overlayPrefix === undefined ? required('GP_SWARM_HOST_IP') : ownAddress(overlayPrefix),
  );
}

function ownAddress(prefix: string): string {
  const addresses = Object.values(networkInterfaces()).flatMap((given) => (given ?? []).map(({ address }) => address));
  const found = addresses.find((address) => address.startsWith(prefix));
  if (found === undefined) throw new Error(`no address begins with ${prefix}: ${addresses.join(', ')}`);
  return found;
}

export async function openEngine(host = required('GP_SWARM_HOST')): Promise<DockerEngine> {
  return openDockerEngine(await configFromEnv({ DOCKER_HOST: host }));
}

/** Engines of both nodes. */
export class SwarmView implements AsyncDisposable {
  readonly manager: DockerEngine;
  readonly worker: DockerEngine;

  private constructor(manager: DockerEngine, worker: DockerEngine) {
    this.manager = manager;
    this.worker = worker;
  }

  static async open(): Promise<SwarmView> {
    return new SwarmView(await openEngine(), await openEngine(required('GP_DOCKER_NODE2_HOST')));
  }

  /**
   * Names of services, secrets and containers of that kernel, on both nodes. The swarm removes a container of the other node
   * some time after its task has ended: that is waited for.
   */
  async leftovers({ kernelId }: ResourceOwner): Promise<readonly string[]> {
    const labels = [`kernel_id=${kernelId}`];
    const found = await Promise.all([
      this.manager.services.list({ labels }),
      this.manager.secrets.list({ labels }),
      this.manager.containers.list({ labels }),
    ]);
    const left = found.flat().map(({ name }) => name);
    const endsAt = systemClock.now() + 60_000;
    for (;;) {
      const there = await this.worker.containers.list({ labels });
      if (there.length === 0 || left.length > 0 || systemClock.now() > endsAt) {
        return [...left, ...there.map(({ name }) => name)];
      }
      await delay(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager[Symbol.asyncDispose]();
    await this.worker[Symbol.asyncDispose]();
  }
}

export interface SwarmBenchOptions {
  readonly config?: JsonObject;
  readonly hostEnv?: Readonly<Record<string, string | undefined>>;
  /** Of the provisioner. Default: this machine's time. */
  readonly clock?: Clock;
}

/** Opens benches for the tests of one file; they share a listener and the engines' connections. */
export class SwarmBenches implements AsyncDisposable {
  readonly rendezvous: Rendezvous & AsyncDisposable = swarmRendezvous();
  #view: Promise<SwarmView> | undefined;

  async view(): Promise<SwarmView> {
    return await (this.#view ??= SwarmView.open());
  }

  async open(options: SwarmBenchOptions = {}): Promise<LaunchBench> {
    const view = await this.view();
    return await LaunchBench.open({
      definition: swarmProvisioner,
      config: { ...onManager, ...options.config },
      hostEnv: { ...(options.hostEnv ?? hostEnv) },
      kernelSpec: swarmSpec(),
      rendezvous: this.rendezvous,
      clock: options.clock,
      leftovers: async (owner) => await view.leftovers(owner),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rendezvous[Symbol.asyncDispose]();
    await (await this.#view)?.[Symbol.asyncDispose]();
  }
}
