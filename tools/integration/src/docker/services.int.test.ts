import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { interruptedCell } from '../clients/interrupted-cell.ts';
import { executeCode, isMessage, streamText } from '../clients/services-client.ts';
import { servicesSuite } from '../clients/services-suite.ts';
import { gatewayDefinition } from '../support/gateway-under-test.ts';
import { startServer } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import { suiteServer } from '../support/suite-server.ts';
import { until } from '../support/until.ts';
import { dockerKernels } from './container-kernels.ts';
import type { ContainerKernels } from './container-kernels.ts';

const resources = new ResourceStack();
afterAll(async () => {
  await resources[Symbol.asyncDispose]();
});

let kernels: ContainerKernels | undefined;

async function gatewayWithDockerKernels(): Promise<RunningServer> {
  kernels = resources.use(
    await dockerKernels({
      docker_python: { image_name: 'gp-test/kernel-py' },
      docker_python_v1: { image_name: 'gp-test/kernel-gp' },
      docker_python_private: { image_name: 'gp-test/kernel-py', authorized_users: ['alice'] },
      docker_python_hasty: { image_name: 'gp-test/kernel-py', launch_timeout: 0.05 },
    }),
  );
  return await startServer({ definition: { ...gatewayDefinition(), env: kernels.env } });
}

const server = suiteServer(gatewayWithDockerKernels);

describe.each(['docker_python', 'docker_python_v1'])('@jupyterlab/services with kernelspec %s', (name) => {
  const suite = servicesSuite({ server, framing: 'v1' });

  test('runs code in a container, is interrupted and restarted, and leaves no container', async () => {
    const kernel = await suite.start(name);
    const containers = async () => (await kernels?.leftovers(kernel.id)) ?? [];
    expect(await containers()).toHaveLength(1);
    const code = 'import os, socket; print(os.getuid(), socket.gethostname())\n6 * 7';
    const { reply, messages } = await executeCode(kernel, code);
    expect(reply.content.status).toBe('ok');
    expect(streamText(messages)).toBe(`1000 default-${kernel.id}\n`);
    expect(messages.find((message) => isMessage(message, 'execute_result'))?.content).toMatchObject({
      data: { 'text/plain': '42' },
    });

    expect(await interruptedCell(kernel)).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });

    await kernel.restart();
    await kernel.info;
    expect((await executeCode(kernel, '1', { timeoutMs: 90_000 })).reply.content.status).toBe('ok');
    expect(await containers()).toEqual([`default-${kernel.id}-2`]);
    await kernel.shutdown();
    await until(
      { what: 'the container to be removed', timeoutMs: 60_000 },
      async () => (await containers()).length === 0,
    );
    expect(await containers()).toEqual([]);
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

describe('a start is refused', () => {
  test.each([
    {
      why: 'for a user whom the kernelspec does not name',
      name: 'docker_python_private',
      status: 403,
      body: {
        code: 'FORBIDDEN',
        message: expect.stringContaining("User 'default' is not in the set of users authorized to start kernel"),
      },
    },
    {
      why: 'at the launch timeout of the kernelspec, long before the gateway’s',
      name: 'docker_python_hasty',
      status: 504,
      body: { code: 'LAUNCH_TIMEOUT' },
    },
  ])('$why, and nothing is left', async ({ name, status, body }) => {
    const kernelId = randomUUID();
    const response = await server.current.request('api/kernels', {
      method: 'POST',
      body: JSON.stringify({ name, env: { KERNEL_ID: kernelId } }),
    });
    expect({ status: response.status, body: await response.json() }).toMatchObject({ status, body });
    expect(await kernels?.leftovers(kernelId)).toEqual([]);
  });
});
