import { containerKernels } from '../docker/container-kernels.ts';
import type { ContainerKernels, KernelConfigs } from '../docker/container-kernels.ts';
import { requiredVariable } from '../support/test-environment.ts';

/** `docker-swarm-provisioner` on the swarm of tools/testbeds/swarm.sh, with kernels on the manager's node. */
export async function swarmKernels(configs: KernelConfigs): Promise<ContainerKernels> {
  const common = {
    image_name: 'gp-test/kernel-py',
    networks: [variable('GP_SWARM_BRIDGE')],
    placement: { constraints: ['node.labels.gp.node==1'] },
  };
  return await containerKernels({
    provisioner: 'docker-swarm-provisioner',
    configs: Object.fromEntries(Object.entries(configs).map(([name, config]) => [name, { ...common, ...config }])),
    env: { DOCKER_HOST: variable('GP_SWARM_HOST'), GP_RESPONSE_IP: variable('GP_SWARM_HOST_IP') },
    async leftovers({ services, secrets, containers }, labels) {
      const running = await services.list({ labels });
      const found =
        running.length > 0 ? [running] : [await secrets.list({ labels }), await containers.list({ labels })];
      return found.flat().map(({ name }) => name);
    },
  });
}

function variable(name: string): string {
  return requiredVariable({ variable: name, script: 'tools/testbeds/swarm.sh' });
}
