import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { delay } from '@gateway-provisioners/core';
import { SeededRandom } from '@gateway-provisioners/core/testing';
import { openRawClient } from '../clients/raw-client.ts';
import { startMortalGateway } from '../robustness/mortal-gateway.ts';
import type { MortalGateway } from '../robustness/mortal-gateway.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { until } from '../support/until.ts';
import { kernelsOn, processesOn, sshKernelSpec, sshVariable, startKernel } from './ssh-hosts.ts';

const ROUNDS = 6;
const SEED = Number(process.env['GP_TEST_SEED'] ?? 20_261_121);

/** What each phase lasts at most, in milliseconds. */
const SPREAD_MS = { launch: 2_000, run: 1_500, shutdown: 400 } as const;

async function listed(gateway: MortalGateway): Promise<readonly string[]> {
  const kernels = (await (await gateway.request('api/kernels')).json()) as readonly { readonly id: string }[];
  return kernels.map(({ id }) => id);
}

async function removeAll(gateway: MortalGateway): Promise<void> {
  for (const id of await listed(gateway)) await gateway.request(`api/kernels/${id}`, { method: 'DELETE' });
}

async function nothingLeft(host: string): Promise<void> {
  const what = 'nothing left on the host';
  await until({ what, timeoutMs: 30_000 }, async () => (await processesOn(host)).length === 0);
  expect(await kernelsOn(host)).toEqual([]);
}

test('kill -9 of the gateway at random points of a launch leaves nothing on a host that no kernel accounts for', async () => {
  const random = new SeededRandom(SEED);
  await using scratch = await createScratchFolder();
  const [host1 = ''] = sshVariable('GP_SSH_HOSTS').split(' ');
  await using spec = await sshKernelSpec([host1]);
  const { env } = spec;
  const before = new Set(await kernelsOn('1'));
  let gateway = await startMortalGateway({ scratch, env });
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const delayMs = random.fraction() * 2_500;
      let answered: string | undefined;
      const launch = gateway
        .request('api/kernels', { method: 'POST', body: JSON.stringify({ name: 'python3' }) })
        .then(async (response) => (answered = ((await response.json()) as { id?: string }).id))
        .catch(() => undefined);
      await delay(delayMs);
      await gateway.killHard();
      await launch;
      gateway = await startMortalGateway({ scratch, env });
      const where = `round ${round}, seed ${SEED}, ${delayMs.toFixed(0)} ms`;
      let ids: readonly string[] = [];
      let folders: readonly string[] = [];
      await until({ what: 'what is on the host is what is listed', timeoutMs: 60_000 }, async () => {
        ids = await listed(gateway);
        folders = (await kernelsOn('1')).filter((name) => !before.has(name));
        return folders.length === ids.length && ids.every((id) => folders.some((name) => name.includes(id)));
      }).catch((cause: unknown) => {
        const seen = `listed: ${ids.join(', ')}; on the host: ${folders.join(', ')}`;
        throw new Error(`${where}: ${seen}\n${gateway.log()}`, { cause });
      });
      if (answered !== undefined) expect(await listed(gateway)).toContain(answered);
      await removeAll(gateway);
    }
  } finally {
    await removeAll(gateway);
    await gateway.killHard();
  }
  await nothingLeft('1');
}, 300_000);

interface Way {
  readonly what: string;
  /** Its name in the testbed. */
  readonly host: string;
  readonly phases: readonly (keyof typeof SPREAD_MS)[];
  readonly spec: (folder: string) => ReturnType<typeof sshKernelSpec>;
}

const ways: readonly Way[] = [
  {
    what: 'kernels that are reached directly',
    host: '2',
    phases: ['run', 'shutdown'],
    spec: () => sshKernelSpec([sshVariable('GP_SSH_HOSTS').split(' ')[1] ?? '']),
  },
  {
    what: 'tunnelled kernels',
    host: 'island',
    phases: ['run', 'shutdown', 'run', 'shutdown', 'launch', 'shutdown'],
    spec: () => sshKernelSpec([sshVariable('GP_SSH_ISLAND_HOST')], { tunneling: true }),
  },
  {
    what: 'kernels behind a jump host',
    host: 'inner',
    phases: ['launch', 'run', 'shutdown', 'launch'],
    spec: async (folder) => {
      const ssh_config = join(folder, 'ssh_config');
      const inner = sshVariable('GP_SSH_INNER_HOST');
      await writeFile(ssh_config, `Host ${inner}\n  ProxyJump gp@${sshVariable('GP_SSH_BASTION')}\n`);
      return await sshKernelSpec([inner], { ssh_config });
    },
  },
];

test.each(ways)(
  'kill -9 of the gateway while it starts, uses and ends $what: who lived has kept its state, and nothing is left',
  async ({ host, phases, spec: makeSpec }) => {
    const random = new SeededRandom(SEED);
    await using scratch = await createScratchFolder();
    await using spec = await makeSpec(scratch.path);
    const { env } = spec;
    let gateway = await startMortalGateway({ scratch, env });
    try {
      for (const phase of phases) {
        const where = `${phase}, seed ${SEED}`;
        const value = `value ${random.below(1_000_000)}`;
        let survivor: string | undefined;
        let request: Promise<unknown>;
        if (phase === 'launch') request = startKernel(gateway, 'python3');
        else {
          const id = await startKernel(gateway, 'python3');
          await valueOf(gateway, { id, code: `kept = '${value}'; print(kept)` });
          if (phase === 'run') {
            survivor = id;
            request = valueOf(gateway, { id, code: 'import time; time.sleep(2); print(1)' });
          } else request = gateway.request(`api/kernels/${id}`, { method: 'DELETE' });
        }
        request.catch(() => undefined); // it is about to be cut off
        await delay(random.fraction() * SPREAD_MS[phase]);
        await gateway.killHard();
        await Promise.allSettled([request]);
        gateway = await startMortalGateway({ scratch, env });
        if (survivor !== undefined) {
          expect({ where, ids: await listed(gateway) }).toEqual({ where, ids: [survivor] });
          expect(await valueOf(gateway, { id: survivor, code: 'print(kept)' })).toContain(value);
        }
        await until({ what: `what is on the host is what is listed (${where})`, timeoutMs: 60_000 }, async () => {
          const ids = await listed(gateway);
          const folders = await kernelsOn(host);
          return folders.length === ids.length && ids.every((id) => folders.some((name) => name.includes(id)));
        });
        await removeAll(gateway);
      }
    } finally {
      await removeAll(gateway);
      await gateway.killHard();
    }
    await nothingLeft(host);
  },
  300_000,
);

/** What code prints. */
async function valueOf(
  gateway: MortalGateway,
  { id, code }: { readonly id: string; readonly code: string },
): Promise<string> {
  await using client = await openRawClient({ server: gateway, kernelId: id });
  const options = { silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
  const cell = client.send('shell', 'execute_request', { code, ...options });
  const printed = await client.message(
    ({ header, parent_header: parent }) => header.msg_type === 'stream' && parent.msg_id === cell,
    `what is printed by ${code}`,
  );
  return String(printed.content['text']);
}
