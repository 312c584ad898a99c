import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { freePort } from '@gateway-provisioners/core/testing';
import { interruptedCell } from '../clients/interrupted-cell.ts';
import { executeCode, streamText } from '../clients/services-client.ts';
import { servicesSuite } from '../clients/services-suite.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { startServer } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import { requiredVariable } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { deployFolder, runnerWith } from './compose-project.ts';
import type { Run } from './compose-project.ts';
import { answersOfProxy, passedSwarmRequests, passes, refusals, refusedSwarmRequests } from './proxy-requests.ts';

const script = 'tools/testbeds/swarm.sh';
const stack = `gp-test-${randomUUID().slice(0, 8)}`;
const network = `${stack}-kernels`;
const token = randomUUID();
const resources = new ResourceStack();
let run: Run;
let running: RunningServer | undefined;

const server = {
  get current() {
    if (running === undefined) throw new Error('the stack has not been deployed');
    return running;
  },
};

const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');
const docker = async (...args: readonly string[]): Promise<string> => (await run('docker', ...args)).trim();
const kernelServices = async () =>
  lines(await docker('service', 'ls', '--quiet', '--filter', `label=gateway-provisioners.test=${stack}`));

/** A task of the gateway runs when its health has been found good. */
async function untilRunning(): Promise<void> {
  const states = async () => {
    const format = '{{.CurrentState}} {{.Error}}';
    return await docker('service', 'ps', `${stack}_gateway`, '--filter', 'desired-state=running', '--format', format);
  };
  await until({ what: 'the task of the gateway', timeoutMs: 120_000, everyMs: 250 }, async () =>
    (await states()).startsWith('Running'),
  ).catch(withLogs);
}

/** A failure that says what the services did. */
async function withLogs(error: unknown): Promise<never> {
  const tasks = await docker('service', 'ps', '--no-trunc', `${stack}_gateway`, `${stack}_engine-proxy`);
  const logs = ['gateway', 'engine-proxy'].map((name) => docker('service', 'logs', '--raw', `${stack}_${name}`));
  throw new Error([String(error), tasks, ...(await Promise.all(logs))].join('\n'), { cause: error });
}

beforeAll(async () => {
  const scratch = resources.use(await createScratchFolder());
  const manager = requiredVariable({ variable: 'GP_SWARM_HOST', script });
  const port = String(await freePort());
  run = runnerWith({
    DOCKER_HOST: manager,
    DOCKER_SOCKET: manager.replace('unix://', ''),
    GP_IMAGE_ORG: 'gp-test',
    GP_DOCKER_NETWORK: network,
    GP_PORT_PUBLISHED: port,
    GP_TOKEN_SECRET: `${stack}-token`,
    GP_KERNELSPEC_CONFIG: `${stack}-kernelspec`,
    GP_ALLOW_CONFIGS: '1',
  });
  const engine = requiredVariable({ variable: 'DOCKER_HOST', script: 'tools/testbeds/images.sh' });
  const images = 'gp-test/gateway gp-test/engine-proxy';
  await run('/bin/sh', '-c', `docker -H '${engine}' save ${images} | docker load --quiet`);

  const config = { image_name: 'gp-test/kernel-py', labels: { 'gateway-provisioners.test': stack } };
  const metadata = { kernel_provisioner: { provisioner_name: 'docker-swarm-provisioner', config } };
  const spec = join(scratch.path, 'kernel.json');
  await writeFile(spec, JSON.stringify({ argv: [], display_name: 'Swarm', language: 'python', metadata }));
  const secret = join(scratch.path, 'token');
  await writeFile(secret, token);
  // Kernels are given the node with the fewest tasks, which is not the gateway's.
  await until({ what: 'both nodes', timeoutMs: 60_000, everyMs: 250 }, async () => {
    const nodes = lines(await docker('node', 'ls', '--format', '{{.Status}} {{.Availability}}'));
    return nodes.every((node) => node === 'Ready Active');
  });
  resources.defer(removeAll);
  await docker('secret', 'create', `${stack}-token`, secret);
  await docker('config', 'create', `${stack}-kernelspec`, spec);
  const file = join(deployFolder, 'swarm-stack.yml');
  await docker('stack', 'deploy', '--resolve-image', 'never', '--compose-file', file, stack);
  await untilRunning();
  const url = `http://${requiredVariable({ variable: 'GP_SWARM_NODE1_IP', script })}:${port}/`;
  running = await startServer({ definition: { name: 'swarm-stack', url, token } });
}, 300_000);

/** What a stack leaves besides: kernels, its volume, and what was made before it. */
async function removeAll(): Promise<void> {
  // Its networks are refused while the managers have not yet seen that tasks are on their way out with their services.
  await until({ what: 'the stack to go', timeoutMs: 60_000, everyMs: 250 }, async () => {
    return await docker('stack', 'rm', stack).then(
      () => true,
      () => false,
    );
  });
  for (const id of await kernelServices()) await docker('service', 'rm', id);
  await docker('secret', 'rm', `${stack}-token`);
  await docker('config', 'rm', `${stack}-kernelspec`);
  // Containers of tasks go after their services.
  await until({ what: 'the volume to be free', timeoutMs: 60_000, everyMs: 250 }, async () => {
    if ((await docker('volume', 'ls', '--quiet', '--filter', `name=${stack}_`)) === '') return true;
    return await docker('volume', 'rm', `${stack}_state`).then(
      () => true,
      () => false,
    );
  });
  await until(
    { what: 'the networks to go', timeoutMs: 60_000, everyMs: 250 },
    async () => (await docker('network', 'ls', '--quiet', '--filter', `name=${stack}`)) === '',
  );
}

afterAll(async () => {
  await running?.[Symbol.asyncDispose]();
  await resources[Symbol.asyncDispose]();
}, 240_000);

describe('the stack file', () => {
  const suite = servicesSuite({ server, framing: 'v1' });

  test('runs a gateway whose kernels are services on its overlay network, and outlive its task', async () => {
    const kernel = await suite.start('python_swarm');
    const services = await kernelServices();
    expect(services).toHaveLength(1);
    const networks = await docker(
      'service',
      'inspect',
      '--format',
      '{{json .Spec.TaskTemplate.Networks}}',
      ...services,
    );
    const limits = await docker('service', 'inspect', '--format', '{{json .Spec.TaskTemplate.Resources}}', ...services);
    expect(JSON.parse(limits)).toMatchObject({ Limits: { NanoCPUs: 2e9, MemoryBytes: 2 * 1024 ** 3, Pids: 1024 } });
    const id = await docker('network', 'inspect', '--format', '{{.Id}}', network);
    expect((JSON.parse(networks) as { Target: string }[]).map(({ Target }) => Target)).toEqual([id]);

    const { reply, messages } = await executeCode(kernel, 'import os; kept = 6 * 7; print(os.getuid(), kept)', {
      timeoutMs: 60_000,
    });
    expect(reply.content.status).toBe('ok');
    expect(streamText(messages)).toBe('1000 42\n');

    expect(await interruptedCell(kernel)).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });

    await docker('service', 'update', '--quiet', '--force', `${stack}_gateway`);
    await untilRunning();
    await kernel.reconnect().catch(withLogs);
    const after = await executeCode(kernel, 'print(kept)', { timeoutMs: 60_000 });
    expect(streamText(after.messages)).toBe('42\n');

    await kernel.restart();
    await kernel.info;
    const fresh = await executeCode(kernel, 'print("kept" in dir())', { timeoutMs: 90_000 });
    expect(streamText(fresh.messages)).toBe('False\n');
    await kernel.shutdown();
    await until(
      { what: 'the service of the kernel to go', timeoutMs: 60_000 },
      async () => (await kernelServices()).length === 0,
    );
  }, 500_000);

  test('lets the gateway ask the manager for what kernels need, and for nothing else', async () => {
    const container = await docker('ps', '--quiet', '--filter', `label=com.docker.swarm.service.name=${stack}_gateway`);
    const requests = [...refusedSwarmRequests, ...passedSwarmRequests];
    expect(await answersOfProxy(requests, { docker, container })).toEqual([
      ...refusals(refusedSwarmRequests),
      ...passes(passedSwarmRequests),
    ]);
  }, 60_000);
});
