import type { KernelSpec, Rendezvous, ResourceOwner } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { createTestRendezvous } from '@gateway-provisioners/testkit';

/** The address at which containers of the default bridge reach this machine. */
export function gatewayAddress(): string {
  const address = process.env['GP_TEST_DOCKER_GATEWAY'];
  if (address !== undefined) return address;
  throw new Error('GP_TEST_DOCKER_GATEWAY is not set: eval "$(tools/testbeds/docker.sh env)"');
}

export const hostEnv: Readonly<Record<string, string | undefined>> = { DOCKER_HOST: process.env['DOCKER_HOST'] };

export async function openTestEngine(env = hostEnv): Promise<DockerEngine> {
  return openDockerEngine(await configFromEnv(env));
}

/** Runs a launcher directly, so that the container ends with the kernel's own exit code. */
export function launcherSpec(argv: readonly string[]): KernelSpec {
  return {
    name: 'docker_python',
    displayName: 'Docker Python',
    language: 'python',
    argv,
    env: {},
    interruptMode: 'signal',
    metadata: {},
    extra: {},
    provisioner: { provisionerName: 'docker-provisioner', config: {} },
  };
}

const LAUNCHER = '/usr/local/bin/kernel-launchers/python/scripts/launch_ipykernel.py';

export const pythonLauncherArgv: readonly string[] = [
  ...['python3', LAUNCHER, '--kernel-id', '{kernel_id}', '--port-range', '{port_range}'],
  ...['--response-address', '{response_address}', '--public-key', '{public_key}'],
  ...['--spark-context-initialization-mode', 'none'],
];

/** A response listener that containers reach; made once for a file. */
export class LazyRendezvous implements Rendezvous, AsyncDisposable {
  #opening: Promise<Rendezvous & AsyncDisposable> | undefined;

  async expect(...given: Parameters<Rendezvous['expect']>): ReturnType<Rendezvous['expect']> {
    return await (await this.#open()).expect(...given);
  }

  async openComm(...given: Parameters<Rendezvous['openComm']>): Promise<Awaited<ReturnType<Rendezvous['openComm']>>> {
    return await (await this.#open()).openComm(...given);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#opening)?.[Symbol.asyncDispose]();
  }

  #open(): Promise<Rendezvous & AsyncDisposable> {
    this.#opening ??= createTestRendezvous({ address: gatewayAddress() });
    return this.#opening;
  }
}

/** Names of containers of that kernel, ended ones included. */
export async function containersOf(engine: DockerEngine, { kernelId }: ResourceOwner): Promise<readonly string[]> {
  const found = await engine.containers.list({ labels: [`kernel_id=${kernelId}`] });
  return found.map(({ name }) => name);
}
