import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import { executeCode, isMessage, streamText } from '../clients/services-client.ts';
import { servicesSuite } from '../clients/services-suite.ts';
import { gatewayDefinition } from '../support/gateway-under-test.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { startServer } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import { suiteServer } from '../support/suite-server.ts';
import { until } from '../support/until.ts';

function required(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new Error(`${name} is not set: run  eval "$(tools/testbeds/docker.sh env)"  first`);
}

/** As `jupyter-docker-spec install` writes it. */
const kernelJson = (image: string) => ({
  argv: [
    ...['python', '/usr/local/share/jupyter/kernels/docker_python/scripts/launch_docker.py'],
    ...['--kernel-id', '{kernel_id}', '--port-range', '{port_range}', '--response-address', '{response_address}'],
    ...['--public-key', '{public_key}', '--kernel-class-name', 'ipykernel.ipkernel.IPythonKernel'],
  ],
  env: {},
  display_name: 'Docker Python',
  language: 'python',
  interrupt_mode: 'signal',
  metadata: {
    debugger: true,
    kernel_provisioner: { provisioner_name: 'docker-provisioner', config: { image_name: image } },
  },
});

const resources = new ResourceStack();
afterAll(async () => {
  await resources[Symbol.asyncDispose]();
});

async function gatewayWithDockerKernels(): Promise<RunningServer> {
  const scratch = resources.use(await createScratchFolder());
  for (const [name, image] of [
    ['docker_python', 'gp-test/kernel-py'],
    ['docker_python_v1', 'gp-test/kernel-gp'],
  ] as const) {
    const folder = join(scratch.path, 'kernels', name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'kernel.json'), JSON.stringify(kernelJson(image)));
  }
  const env = {
    JUPYTER_PATH: scratch.path,
    DOCKER_HOST: required('DOCKER_HOST'),
    GP_RESPONSE_IP: required('GP_TEST_DOCKER_GATEWAY'),
  };
  return await startServer({ definition: { ...gatewayDefinition(), env } });
}

const server = suiteServer(gatewayWithDockerKernels);

describe.each(['docker_python', 'docker_python_v1'])('@jupyterlab/services with kernelspec %s', (name) => {
  const suite = servicesSuite({ server, framing: 'v1' });

  test('runs code in a container, is interrupted and restarted, and leaves no container', async () => {
    const engine = openDockerEngine(await configFromEnv(process.env));
    const kernel = await suite.start(name);
    const containers = async () => await engine.containers.list({ labels: [`kernel_id=${kernel.id}`] });
    try {
      expect(await containers()).toHaveLength(1);
      const code = 'import os, socket; print(os.getuid(), socket.gethostname())\n6 * 7';
      const { reply, messages } = await executeCode(kernel, code);
      expect(reply.content.status).toBe('ok');
      expect(streamText(messages)).toBe(`1000 default-${kernel.id}\n`);
      expect(messages.find((message) => isMessage(message, 'execute_result'))?.content).toMatchObject({
        data: { 'text/plain': '42' },
      });

      let asleep = false;
      const sleeping = executeCode(kernel, 'print("zzz", flush=True)\nimport time; time.sleep(600)', {
        timeoutMs: 60_000,
        onMessage: (message) => {
          asleep ||= isMessage(message, 'stream');
        },
      });
      await until({ what: 'the cell to run', timeoutMs: 60_000 }, () => asleep);
      await kernel.interrupt();
      expect((await sleeping).reply.content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });

      await kernel.restart();
      await kernel.info;
      expect((await executeCode(kernel, '1', { timeoutMs: 90_000 })).reply.content.status).toBe('ok');
      const running = await containers();
      expect(running.map((container) => container.name)).toEqual([`default-${kernel.id}-2`]);
      await kernel.shutdown();
      await until(
        { what: 'the container to be removed', timeoutMs: 60_000 },
        async () => (await containers()).length === 0,
      );
      expect(await containers()).toEqual([]);
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  }, 240_000);

  test('says why a kernel cannot be started', async () => {
    const response = await server.current.request('api/kernels', {
      method: 'POST',
      body: JSON.stringify({ name, env: { KERNEL_UID: '0' } }),
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('prohibited_uids'),
    });
  });
});
