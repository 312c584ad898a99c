/**
 * The long forms of what the integration tests do briefly.
 *
 *   npm run soak -- fuzz [--seconds 600] [--seed N] [--only NAME]
 *   npm run soak -- cycles [--count 10000]
 *   npm run soak -- kills [--count 500] [--seed N]
 *   npm run soak                                       all three
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fuzzTargets as engineTargets } from '@gateway-provisioners/docker-engine/testing';
import { fuzzTargets as recordTargets } from '@gateway-provisioners/kernel-manager/testing';
import { fuzzTargets as kernelspecTargets } from '@gateway-provisioners/kernelspec/testing';
import { fuzzTargets as launcherTargets } from '@gateway-provisioners/launcher-protocol/testing';
import { fuzzTargets as sshTargets } from '@gateway-provisioners/provisioner-distributed/testing';
import { fuzzTargets as wireTargets } from '@gateway-provisioners/wire/testing';
import { listenerFuzzTargets } from './launchers/fuzz-listeners.ts';
import { jvmFuzzTarget } from './launchers/jvm-fuzz.ts';
import { installFakeKernel, runCrashCampaign } from './robustness/crash-campaign.ts';
import { startMortalGateway } from './robustness/mortal-gateway.ts';
import { MAX_SLOPE_BYTES, keepsFiles, measureGrowth } from './robustness/start-stop-campaign.ts';
import { createScratchFolder } from './support/scratch-folder.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '600' },
    count: { type: 'string' },
    seed: { type: 'string', default: '20260101' },
    only: { type: 'string' },
  },
});
const seed = Number(values.seed);
const what = positionals[0] ?? 'all';
const fuzzTargets = [
  ...wireTargets,
  ...launcherTargets,
  ...recordTargets,
  ...kernelspecTargets,
  ...engineTargets,
  ...sshTargets,
  ...listenerFuzzTargets,
  jvmFuzzTarget,
];

const campaigns: Readonly<Record<string, () => Promise<number>>> = { fuzz, cycles, kills };

if (what === 'fuzz-one') {
  // A process for each target: an endless loop or a crash in one does not hide the others.
  const target = fuzzTargets.find(({ name }) => name === values.only);
  if (target === undefined) throw new Error(`no fuzz target ${String(values.only)}`);
  const { runs, accepted } = await target.run(seed, Number(values.seconds) * 1000);
  console.log(`${target.name}: ${runs} inputs, ${accepted} accepted`);
} else {
  let failed = 0;
  for (const [name, campaign] of Object.entries(campaigns)) {
    if (what === 'all' || what === name) failed += await campaign();
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

async function fuzz(): Promise<number> {
  const queue = fuzzTargets.map(({ name }) => name).filter((name) => values.only === undefined || name === values.only);
  let failed = 0;
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const args = ['fuzz-one', '--only', name, '--seed', String(seed), '--seconds', values.seconds];
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit' });
      // Three times what it was asked to take: then it hangs.
      const timer = setTimeout(() => child.kill('SIGKILL'), Number(values.seconds) * 3000 + 30_000);
      const [code] = (await once(child, 'exit')) as [number | null];
      clearTimeout(timer);
      if (code !== 0) failed += 1;
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} fuzz ${name}, ${values.seconds} s, seed ${seed}`);
    }
  };
  // One more than there are processors for: those with sockets wait for most of their time.
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) + 1 }, worker));
  return failed;
}

async function cycles(): Promise<number> {
  const count = Number(values.count ?? 10_000);
  await using scratch = await createScratchFolder();
  const env = { ...(await installFakeKernel(scratch)), GP_WAIT_UNTIL_READY: 'true' };
  await using gateway = await startMortalGateway({ scratch, env, collectable: true });
  const growth = await measureGrowth(gateway, { kernelName: 'fake', cycles: count, every: 10 });
  const files = [growth.samples[0]?.openFiles, growth.samples.at(-1)?.openFiles];
  const slopes = [growth.rssSlopeBytes, growth.usedSlopeBytes].map((slope) => slope.toFixed(0));
  console.log(
    `${growth.cycles} start/stop cycles: open files ${files.join(' → ')}, ` +
      `${slopes.join(' bytes resident and ')} bytes used more a cycle`,
  );
  const isFlat = growth.rssSlopeBytes < MAX_SLOPE_BYTES && growth.usedSlopeBytes < MAX_SLOPE_BYTES;
  return isFlat && keepsFiles(growth.samples) ? 0 : 1;
}

async function kills(): Promise<number> {
  const hits = await runCrashCampaign({ kills: Number(values.count ?? 500), seed, report: console.log });
  console.log(`kills that hit: ${JSON.stringify(hits)}`);
  return Object.values(hits).every((count) => count > 0) ? 0 : 1;
}
