import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { ResourceStack, delay } from '@gateway-provisioners/core';
import { SeededRandom } from '@gateway-provisioners/core/testing';
import { configFromEnv, openDockerEngine } from '@gateway-provisioners/docker-engine';
import { startMortalGateway } from '../robustness/mortal-gateway.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import type { RunningServer } from '../support/server-process.ts';
import { until } from '../support/until.ts';

const ROUNDS = Number(process.env['GP_TEST_DOCKER_KILLS'] ?? 8);
/** A launch takes about two seconds here; some are killed after it. */
const LONGEST_MS = 3_500;

const random = new SeededRandom(20261121);
const resources = new ResourceStack();
afterAll(async () => {
  await resources[Symbol.asyncDispose]();
}, 60_000);

test(`a gateway that is killed ${ROUNDS} times while it launches kernels leaves no container that it does not know`, async () => {
  const scratch = resources.use(await createScratchFolder());
  const folder = join(scratch.path, 'specs', 'kernels', 'docker_python');
  await mkdir(folder, { recursive: true });
  const config = { image_name: 'gp-test/kernel-py' };
  const metadata = { kernel_provisioner: { provisioner_name: 'docker-provisioner', config } };
  const spec = { argv: [], display_name: 'Docker', language: 'python', metadata };
  await writeFile(join(folder, 'kernel.json'), JSON.stringify(spec));
  const env = {
    JUPYTER_PATH: join(scratch.path, 'specs'),
    DOCKER_HOST: process.env['DOCKER_HOST'] ?? '',
    GP_RESPONSE_IP: process.env['GP_TEST_DOCKER_GATEWAY'] ?? '',
  };
  const engine = openDockerEngine(await configFromEnv(process.env));
  resources.use(engine);
  const ids: string[] = [];
  const containers = async (): Promise<readonly string[]> => {
    const found = ids.map(async (id) => await engine.containers.list({ labels: [`kernel_id=${id}`] }));
    return (await Promise.all(found)).flat().map(({ labels }) => labels['kernel_id'] ?? '');
  };
  const start = async (name: string, id: string, gateway: Pick<RunningServer, 'request'>) => {
    const body = JSON.stringify({ name, env: { KERNEL_ID: id } });
    return await gateway.request('api/kernels', { method: 'POST', body });
  };

  for (let round = 0; round < ROUNDS; round += 1) {
    await using gateway = await startMortalGateway({ scratch, env });
    const id = randomUUID();
    ids.push(id);
    start('docker_python', id, gateway).catch(() => undefined); // it is about to die
    await delay(random.below(LONGEST_MS));
    await gateway.killHard();
  }

  await using last = await startMortalGateway({ scratch, env });
  const known = async (): Promise<readonly string[]> => {
    const kernels = (await (await last.request('api/kernels')).json()) as { id: string }[];
    return kernels.map((kernel) => kernel.id).sort();
  };
  await until({ what: 'what is in the engine to be what the gateway knows', timeoutMs: 60_000 }, async () => {
    const [inEngine, inGateway] = await Promise.all([containers(), known()]);
    return inEngine.length === new Set(inEngine).size && [...inEngine].sort().join() === inGateway.join();
  });
  for (const id of await known()) {
    expect((await last.request(`api/kernels/${id}`, { method: 'DELETE' })).status).toBe(204);
  }
  await until(
    { what: 'all containers to be removed', timeoutMs: 30_000 },
    async () => (await containers()).length === 0,
  );
  expect(await containers()).toEqual([]);
}, 400_000);
