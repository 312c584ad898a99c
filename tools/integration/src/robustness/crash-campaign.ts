import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { delay } from '@gateway-provisioners/core';
import { SeededRandom } from '@gateway-provisioners/core/testing';
import { fakeKernelSpec } from '@gateway-provisioners/testkit';
import { openRawClient } from '../clients/raw-client.ts';
import { processesMarked } from '../support/process-census.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import type { ScratchFolder } from '../support/scratch-folder.ts';
import { until } from '../support/until.ts';
import { startMortalGateway } from './mortal-gateway.ts';
import type { MortalGateway } from './mortal-gateway.ts';

export type Phase = 'launch' | 'run' | 'shutdown';

export interface CrashCampaignOptions {
  readonly kills: number;
  readonly seed: number;
  readonly report?: (line: string) => void;
}

/** How many kills hit each phase: the gateway died while a request of that phase was under way. */
export type Hits = Record<Phase, number>;

// What each phase lasts at most here, in milliseconds; kills are spread evenly over it.
const SPREAD_MS: Readonly<Record<Phase, number>> = { launch: 250, run: 150, shutdown: 60 };

/**
 * Kills the gateway with SIGKILL at random points of launching, running and shutting down a kernel, starts it again over
 * the same state, and each time requires that a kernel that lived has kept its variable and that no process exists which
 * no listed kernel accounts for. Rejects at the first violation, with the round and the seed.
 */
export async function runCrashCampaign(options: CrashCampaignOptions): Promise<Hits> {
  const random = new SeededRandom(options.seed);
  const hits: Hits = { launch: 0, run: 0, shutdown: 0 };
  await using scratch = await createScratchFolder();
  const env = await installFakeKernel(scratch);
  let gateway = await startMortalGateway({ scratch, env });
  try {
    for (let round = 0; round < options.kills; round += 1) {
      const phase = random.pick(['launch', 'run', 'shutdown'] as const);
      const delayMs = random.fraction() * SPREAD_MS[phase];
      const where = `round ${round} seed ${options.seed} phase ${phase} delay ${delayMs.toFixed(1)} ms`;
      try {
        const outcome = await killDuring({ gateway, phase, delayMs, round });
        if (outcome.hit) hits[phase] += 1;
        gateway = await startMortalGateway({ scratch, env });
        await verify(gateway, outcome);
        options.report?.(`${where}: ${outcome.hit ? 'hit' : 'missed'}, ${outcome.survivor ?? 'nothing'} expected`);
      } catch (error) {
        throw new Error(`${where}: ${String(error)}\n${gateway.log()}`, { cause: error });
      }
    }
  } finally {
    await removeAllKernels(gateway);
    await gateway.killHard();
  }
  await noProcesses(scratch);
  return hits;
}

interface KillOptions {
  readonly gateway: MortalGateway;
  readonly phase: Phase;
  readonly delayMs: number;
  readonly round: number;
}

interface Outcome {
  readonly hit: boolean;
  /** A kernel that must be there after the restart. */
  readonly survivor?: string;
  /** A kernel that may be there. */
  readonly candidate?: string;
  /** What its variable must hold; absent when none was set. */
  readonly value?: string;
}

async function killDuring({ gateway, phase, delayMs, round }: KillOptions): Promise<Outcome> {
  if (phase === 'launch') {
    let answered: string | undefined;
    const request = launch(gateway).then(
      (id) => (answered = id),
      () => undefined,
    );
    await delay(delayMs);
    await gateway.killHard();
    await request;
    return answered === undefined ? { hit: true } : { hit: false, survivor: answered };
  }
  const id = await launch(gateway);
  const value = `value-${round}`;
  await execute(gateway, { id, code: `set answer ${value}` });
  if (phase === 'run') {
    let done = false;
    const cell = execute(gateway, { id, code: 'busy 200' }).then(
      () => (done = true),
      () => undefined,
    );
    await delay(delayMs);
    await gateway.killHard();
    await cell;
    return { hit: !done, survivor: id, value };
  }
  let answered = false;
  const request = gateway.request(`api/kernels/${id}`, { method: 'DELETE' }).then(
    () => (answered = true),
    () => undefined,
  );
  await delay(delayMs);
  await gateway.killHard();
  await request;
  return { hit: !answered, candidate: id, value };
}

/** After the restart: who lives has kept its state, and nobody lives who is not listed. */
async function verify(gateway: MortalGateway, outcome: Outcome): Promise<void> {
  const response = await gateway.request('api/kernels');
  const kernels = (await response.json()) as readonly { readonly id: string; readonly execution_state: string }[];
  const ids = kernels.map((kernel) => kernel.id);
  if (outcome.survivor !== undefined && !ids.includes(outcome.survivor)) {
    throw new Error(`kernel ${outcome.survivor} lived, but is not listed: ${JSON.stringify(kernels)}`);
  }
  const known = outcome.survivor ?? outcome.candidate;
  if (known !== undefined && outcome.value !== undefined && ids.includes(known)) {
    const printed = await execute(gateway, { id: known, code: 'get answer' });
    if (!printed.includes(outcome.value)) throw new Error(`the variable of ${known} reads ${JSON.stringify(printed)}`);
  }
  await removeAllKernels(gateway);
  await until({ what: 'no process but the gateway' }, async () => {
    const others = (await processesMarked(gateway.scratch.path)).filter((entry) => entry.pid !== gateway.pid);
    return others.length === 0;
  }).catch(async (error: unknown) => {
    throw new Error(`orphans: ${JSON.stringify(await processesMarked(gateway.scratch.path))}`, { cause: error });
  });
}

async function launch(gateway: MortalGateway): Promise<string> {
  const response = await gateway.request('api/kernels', { method: 'POST', body: JSON.stringify({ name: 'fake' }) });
  const body = (await response.json()) as { readonly id?: string };
  if (response.status !== 201 || body.id === undefined) {
    throw new Error(`POST /api/kernels: ${response.status} ${JSON.stringify(body)}`);
  }
  return body.id;
}

/** Runs code and returns its result. */
async function execute(gateway: MortalGateway, cell: { readonly id: string; readonly code: string }): Promise<string> {
  await using client = await openRawClient({ server: gateway, kernelId: cell.id });
  const content = { code: cell.code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
  const msgId = client.send('shell', 'execute_request', content);
  const isAnswer = (type: string) => (message: (typeof client.messages)[number]) =>
    message.parent_header.msg_id === msgId && message.header.msg_type === type;
  await client.message(isAnswer('execute_reply'), `reply to "${cell.code}"`);
  await client.message(
    (message) => isAnswer('status')(message) && message.content['execution_state'] === 'idle',
    `idle after "${cell.code}"`,
  );
  return client.messages
    .filter(isAnswer('execute_result'))
    .map((message) => JSON.stringify(message.content['data']))
    .join('');
}

async function removeAllKernels(gateway: MortalGateway): Promise<void> {
  const kernels = (await (await gateway.request('api/kernels')).json()) as readonly { readonly id: string }[];
  await Promise.all(kernels.map(({ id }) => gateway.request(`api/kernels/${id}`, { method: 'DELETE' })));
}

async function noProcesses(scratch: ScratchFolder): Promise<void> {
  await until({ what: 'end of all processes' }, async () => {
    return (await processesMarked(scratch.path)).length === 0;
  });
}

/** Puts a kernelspec for testkit's fake kernel where the gateway finds it; returns the variables that say so. */
export async function installFakeKernel(scratch: ScratchFolder): Promise<Record<string, string>> {
  const data = await scratch.folder('fake-data');
  const folder = join(data, 'kernels', 'fake');
  await mkdir(folder, { recursive: true });
  const { argv, env, interruptMode } = fakeKernelSpec();
  const kernelJson = { argv, env, display_name: 'Fake', language: 'none', interrupt_mode: interruptMode, metadata: {} };
  await writeFile(join(folder, 'kernel.json'), JSON.stringify(kernelJson));
  return { JUPYTER_PATH: data };
}
