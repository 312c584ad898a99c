import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { requiredVariable } from '../support/test-environment.ts';

/** Kernelspecs in containers, installed, and what a gateway needs to start them. */
export interface ContainerKernels extends AsyncDisposable {
  readonly engine: DockerEngine;
  readonly env: Record<string, string>;
  /** Names of what exists of a kernel in the engine: one while it runs, for what it is; else whatever was left behind. */
  leftovers(kernelId: string): Promise<readonly string[]>;
}

/** `config` of kernelspecs by their names. */
export type KernelConfigs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface ContainerKernelsOptions {
  readonly provisioner: string;
  readonly configs: KernelConfigs;
  readonly env: Readonly<Record<string, string>>;
  /** See {@link ContainerKernels.leftovers}. */
  readonly leftovers: (engine: DockerEngine, labels: readonly string[]) => Promise<readonly string[]>;
}

/** Installs kernelspecs of a provisioner for the engine of `env`. */
export async function containerKernels(options: ContainerKernelsOptions): Promise<ContainerKernels> {
  const { provisioner, env } = options;
  const engine = openDockerEngine(await configFromEnv(env));
  const data = await mkdtemp(join(tmpdir(), 'gp-container-specs-'));
  for (const [name, config] of Object.entries(options.configs)) {
    const folder = join(data, 'kernels', name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'kernel.json'), JSON.stringify(kernelJson(provisioner, config)));
  }
  return {
    engine,
    env: { ...env, JUPYTER_PATH: data },
    leftovers: async (kernelId) => await options.leftovers(engine, [`kernel_id=${kernelId}`]),
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      await rm(data, { recursive: true });
    },
  };
}

/** `docker-provisioner` on the engine of tools/testbeds/docker.sh. */
export async function dockerKernels(configs: KernelConfigs): Promise<ContainerKernels> {
  return await containerKernels({
    provisioner: 'docker-provisioner',
    configs,
    env: { DOCKER_HOST: testbedVariable('DOCKER_HOST'), GP_RESPONSE_IP: testbedVariable('GP_TEST_DOCKER_GATEWAY') },
    async leftovers({ containers, volumes, networks }, labels) {
      const found = await Promise.all([
        containers.list({ labels }),
        volumes.list({ labels }),
        networks.list({ labels }),
      ]);
      return found.flat().map(({ name }) => name);
    },
  });
}

/** As `jupyter-docker-spec install` writes it. */
function kernelJson(provisioner: string, config: KernelConfigs[string]): unknown {
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
      kernel_provisioner: { provisioner_name: provisioner, config },
    },
  };
}

/** A variable of tools/testbeds/docker.sh. */
export function testbedVariable(name: string): string {
  return requiredVariable({ variable: name, script: 'tools/testbeds/docker.sh' });
}
