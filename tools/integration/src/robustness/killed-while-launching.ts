import { randomInt, randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { ResourceStack, delay } from '@gateway-provisioners/core';
import { SeededRandom } from '@gateway-provisioners/core/testing';
import type { ContainerKernels } from '../docker/container-kernels.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import type { RunningServer } from '../support/server-process.ts';
import { until } from '../support/until.ts';
import { startMortalGateway } from './mortal-gateway.ts';

/** Of the time that the first launch takes; some gateways are killed after theirs. */
const LONGEST = 1.3;

export interface KilledWhileLaunchingOptions {
  readonly rounds: number;
  /**
   * A kernelspec `python`, each of whose kernels has a nameless volume of the driver `local` with these odd options, by
   * which it is known.
   */
  readonly kernels: (driverOptions: Readonly<Record<string, string>>) => Promise<ContainerKernels>;
}

/** Kills gateways in the middle of launches; the last one must know all that there is, and can remove it. */
export async function killedWhileLaunching(options: KilledWhileLaunchingOptions): Promise<void> {
  await using resources = new ResourceStack();
  const scratch = resources.use(await createScratchFolder());
  const driverOptions = { type: 'tmpfs', device: 'tmpfs', o: `size=${String(randomInt(1_000_000, 2_000_000))}` };
  const kernels = resources.use(await options.kernels(driverOptions));
  const { engine, env } = kernels;
  const random = new SeededRandom(20261121);
  const ids: string[] = [];
  const existing = async (): Promise<readonly string[]> => {
    const found = ids.map(async (id) => (await kernels.leftovers(id)).map(() => id));
    return (await Promise.all(found)).flat();
  };
  const volumes = async (): Promise<number> =>
    (await engine.volumes.list()).filter((volume) => volume.driverOptions['o'] === driverOptions.o).length;
  const start = async (id: string, gateway: Pick<RunningServer, 'request'>) => {
    const body = JSON.stringify({ name: 'python', env: { KERNEL_ID: id } });
    return await gateway.request('api/kernels', { method: 'POST', body });
  };

  let launchMs = Infinity;
  for (let round = 0; round < options.rounds; round += 1) {
    await using gateway = await startMortalGateway({ scratch, env });
    const id = randomUUID();
    ids.push(id);
    const startedAt = performance.now();
    const starting = start(id, gateway);
    if (round === 0) {
      expect((await starting).status).toBe(201);
      launchMs = performance.now() - startedAt;
    } else {
      starting.catch(() => undefined); // it is about to die
      // The second is killed before it can have created anything.
      if (round > 1) await delay(random.below(Math.ceil(launchMs * LONGEST)));
    }
    await gateway.killHard();
  }

  await using last = await startMortalGateway({ scratch, env });
  const known = async (): Promise<readonly string[]> => {
    const models = (await (await last.request('api/kernels')).json()) as { id: string }[];
    return models.map((kernel) => kernel.id).sort();
  };
  await until({ what: 'what is in the engine to be what the gateway knows', timeoutMs: 60_000 }, async () => {
    const [inEngine, inGateway] = await Promise.all([existing(), known()]);
    if (inEngine.length !== new Set(inEngine).size || [...inEngine].sort().join() !== inGateway.join()) return false;
    // Each container that is left has its volume: that they go with their containers can be told. An engine removes them
    // a moment after it has ceased to list the container.
    return (await volumes()) === inGateway.length;
  });
  const survivors = await known();
  expect(survivors).toContain(ids[0]);
  expect(survivors).not.toContain(ids[1]);
  for (const id of survivors) {
    expect((await last.request(`api/kernels/${id}`, { method: 'DELETE' })).status).toBe(204);
  }
  const leftovers = async () => (await Promise.all(ids.map((id) => kernels.leftovers(id)))).flat();
  await until({ what: 'all to be removed', timeoutMs: 60_000 }, async () => {
    return (await leftovers()).length === 0 && (await volumes()) === 0;
  });
  expect({ leftovers: await leftovers(), volumes: await volumes() }).toEqual({ leftovers: [], volumes: 0 });
}
