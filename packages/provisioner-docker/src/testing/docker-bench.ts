import type { KernelSpec, ResourceOwner } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { LazyRendezvous, launcherSpec as containerSpec } from '@gateway-provisioners/testkit';

export { pythonLauncherArgv } from '@gateway-provisioners/testkit';

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
  return containerSpec('docker-provisioner', { name: 'docker_python', argv });
}

/** A response listener that containers reach; made once for a file. */
export function dockerRendezvous(): LazyRendezvous {
  return new LazyRendezvous(gatewayAddress);
}

/** Names of containers of that kernel, ended ones included. */
export async function containersOf(engine: DockerEngine, { kernelId }: ResourceOwner): Promise<readonly string[]> {
  const found = await engine.containers.list({ labels: [`kernel_id=${kernelId}`] });
  return found.map(({ name }) => name);
}
