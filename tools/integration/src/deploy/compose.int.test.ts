import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { freePort } from '@gateway-provisioners/core/testing';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { interruptedCell } from '../clients/interrupted-cell.ts';
import { executeCode, streamText } from '../clients/services-client.ts';
import { servicesSuite } from '../clients/services-suite.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { startServer } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import { until } from '../support/until.ts';
import { composeProject } from './compose-project.ts';
import type { ComposeProject } from './compose-project.ts';
import { answersOfProxy, passedRequests, passes, refusals, refusedRequests } from './proxy-requests.ts';

const name = `gp-test-${randomUUID().slice(0, 8)}`;
const network = `${name}-kernels`;
const token = randomUUID();
const resources = new ResourceStack();
let project: ComposeProject;
let engine: DockerEngine;
let running: RunningServer | undefined;

const server = {
  get current() {
    if (running === undefined) throw new Error('the project has not been started');
    return running;
  },
};

beforeAll(async () => {
  const scratch = resources.use(await createScratchFolder());
  const specs = join(scratch.path, 'specs');
  await mkdir(join(specs, 'python_docker'), { recursive: true });
  const config = { image_name: 'gp-test/kernel-py' };
  const metadata = { kernel_provisioner: { provisioner_name: 'docker-provisioner', config } };
  const spec = { argv: [], display_name: 'Python', language: 'python', metadata };
  await writeFile(join(specs, 'python_docker', 'kernel.json'), JSON.stringify(spec));
  await writeFile(join(scratch.path, 'token'), `${token}\n`, { mode: 0o444 });
  const publish = `127.0.0.1:${String(await freePort())}`;
  project = composeProject({
    name,
    variables: {
      GP_IMAGE_ORG: 'gp-test',
      GP_DOCKER_NETWORK: network,
      GP_KERNELSPECS: specs,
      GP_TOKEN_FILE: join(scratch.path, 'token'),
      GP_PUBLISH: publish,
    },
  });
  engine = resources.use(openDockerEngine(await configFromEnv(process.env)));
  resources.defer(async () => {
    await project.compose('down', '--volumes');
  });
  await project.compose('up', '--detach');
  await untilHealthy();
  running = await startServer({ definition: { name: 'compose', url: `http://${publish}/`, token } });
}, 240_000);

afterAll(async () => {
  await running?.[Symbol.asyncDispose]();
  await resources[Symbol.asyncDispose]();
}, 120_000);

const containersOf = async (...labels: readonly string[]) => await engine.containers.list({ labels });
const service = (which: string) => [`com.docker.compose.project=${name}`, `com.docker.compose.service=${which}`];

async function containerOf(which: string): Promise<string> {
  const [container] = await containersOf(...service(which));
  if (container === undefined) throw new Error(`there is no container of ${which}`);
  return container.id;
}

/** Before that, the engine's port answers a connection, and then leaves it for long. */
async function untilHealthy(): Promise<void> {
  const format = '{{.State.Health.Status}}';
  await until({ what: 'the health of the gateway', timeoutMs: 90_000, everyMs: 250 }, async () => {
    return (await project.docker('inspect', '--format', format, await containerOf('gateway'))).trim() === 'healthy';
  }).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${await project.compose('logs', '--no-color')}`, { cause: error });
  });
}

describe('the Compose file', () => {
  const suite = servicesSuite({ server, framing: 'v1' });

  test('runs a gateway that is not root, and wants the token', async () => {
    expect((await project.docker('exec', await containerOf('gateway'), 'id', '-u')).trim()).toBe('1000');
    const stranger = await fetch(new URL('api/kernelspecs', server.current.url));
    expect(stranger.status).toBe(401);
    const specs = (await (await server.current.request('api/kernelspecs')).json()) as { kernelspecs: object };
    expect(Object.keys(specs.kernelspecs)).toEqual(['python_docker']);
  }, 120_000);

  test('runs kernels in their network alone, which do not reach the engine, and outlive a gateway that dies', async () => {
    const kernel = await suite.start('python_docker');
    const [container] = await containersOf(`kernel_id=${kernel.id}`);
    const details = await engine.containers.inspect(container?.id ?? '');
    expect(Object.keys(details?.networks ?? {})).toEqual([network]);
    const limits = await project.docker('inspect', '--format', '{{json .HostConfig}}', container?.id ?? '');
    expect(JSON.parse(limits)).toMatchObject({ Memory: 2 * 2 ** 30, NanoCpus: 2e9, PidsLimit: 1024 });

    const code = 'import os, socket; kept = 6 * 7; print(os.getuid(), kept); socket.getaddrinfo("engine-proxy", 2375)';
    const { reply, messages } = await executeCode(kernel, code, { timeoutMs: 60_000 });
    expect(streamText(messages)).toBe('1000 42\n');
    expect(reply.content).toMatchObject({ status: 'error', ename: 'gaierror' });

    expect(await interruptedCell(kernel)).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });

    await project.compose('kill', '--signal', 'SIGKILL', 'gateway');
    await project.compose('up', '--detach');
    await untilHealthy();
    await kernel.reconnect();
    const after = await executeCode(kernel, 'print(kept)', { timeoutMs: 60_000 });
    expect(streamText(after.messages)).toBe('42\n');
    await kernel.shutdown();
    await until(
      { what: 'the container to go', timeoutMs: 60_000 },
      async () => (await containersOf(`kernel_id=${kernel.id}`)).length === 0,
    );
  }, 400_000);

  test('lets the gateway ask the engine for what kernels need, and for nothing else', async () => {
    const container = await containerOf('gateway');
    const requests = [...refusedRequests, ...passedRequests];
    expect(await answersOfProxy(requests, { docker: project.docker, container })).toEqual([
      ...refusals(refusedRequests),
      ...passes(passedRequests),
    ]);
  }, 60_000);
});

test('`down` leaves nothing, with a kernel running', async () => {
  const started = await server.current.request('api/kernels', {
    method: 'POST',
    body: JSON.stringify({ name: 'python_docker' }),
  });
  expect(started.status).toBe(201);
  const { id } = (await started.json()) as { id: string };
  expect(await containersOf(`kernel_id=${id}`)).toHaveLength(1);
  await project.compose('down', '--volumes');
  expect(await containersOf(`kernel_id=${id}`)).toEqual([]);
  expect(await containersOf(`com.docker.compose.project=${name}`)).toEqual([]);
  for (const kind of ['network', 'volume']) {
    expect(await project.docker(kind, 'ls', '--quiet', '--filter', `name=${name}`)).toBe('');
  }
}, 180_000);
