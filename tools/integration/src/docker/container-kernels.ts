import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';

/** Kernelspecs in containers, installed, and what a gateway needs to start them. */
export interface ContainerKernels extends AsyncDisposable {
  readonly engine: DockerEngine;
  readonly env: Record<string, string>;
  /** Names of what exists of a kernel in the engine: containers, running or not, volumes, networks. */
  leftovers(kernelId: string): Promise<readonly string[]>;
}

/** `config` of kernelspecs by their names. */
export type KernelConfigs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** `docker-provisioner` on the engine of tools/testbeds/docker.sh. */
export async function dockerKernels(configs: KernelConfigs): Promise<ContainerKernels> {
  const env = {
    DOCKER_HOST: testbedVariable('DOCKER_HOST'),
    GP_RESPONSE_IP: testbedVariable('GP_TEST_DOCKER_GATEWAY'),
  };
  const engine = openDockerEngine(await configFromEnv(env));
  const data = await mkdtemp(join(tmpdir(), 'gp-docker-specs-'));
  for (const [name, config] of Object.entries(configs)) {
    const folder = join(data, 'kernels', name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'kernel.json'), JSON.stringify(kernelJson(config)));
  }
  return {
    engine,
    env: { ...env, JUPYTER_PATH: data },
    async leftovers(kernelId) {
      const labels = [`kernel_id=${kernelId}`];
      const { containers, volumes, networks } = engine;
      const found = await Promise.all([
        containers.list({ labels }),
        volumes.list({ labels }),
        networks.list({ labels }),
      ]);
      return found.flat().map(({ name }) => name);
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await rm(data, { recursive: true });
    },
  };
}

/** As `jupyter-docker-spec install` writes it. */
function kernelJson(config: KernelConfigs[string]): unknown {
  return {
    argv: [
      ...['python', '/usr/local/share/jupyter/kernels/docker_python/scripts/launch_docker.py'],
      ...['--kernel-id', '{kernel_id}', '--port-range', '{port_range}', '--response-address', '{response_address}'],
      ...['--public-key', '{public_key}', '--kernel-class-name', 'ipykernel.ipkernel.IPythonKernel'],
    ],
    env: {},
    display_name: 'Python 3 (ipykernel)',
    language: 'python',
    interrupt_mode: 'signal',
    metadata: {
      debugger: true,
      kernel_provisioner: { provisioner_name: 'docker-provisioner', config },
    },
  };
}

/** A variable of tools/testbeds/docker.sh. */
export function testbedVariable(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new Error(`${name} is not set: run  eval "$(tools/testbeds/docker.sh env)"  first`);
}
