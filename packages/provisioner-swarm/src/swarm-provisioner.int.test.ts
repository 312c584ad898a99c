import { afterAll, describe, test } from '@jest/globals';
import { provisionerConformance, pythonLanguage } from '@gateway-provisioners/testkit';
import { swarmProvisioner } from './index.ts';
import { SwarmBenches, hostEnv, reachable, swarmSpec } from './testing/swarm-bench.ts';

const benches = new SwarmBenches();
afterAll(async () => {
  await benches[Symbol.asyncDispose]();
});

describe('docker-swarm-provisioner conforms', () => {
  const { rendezvous } = benches;
  const cases = provisionerConformance({
    definition: swarmProvisioner,
    config: { ...reachable, mirror_working_dirs: true },
    kernelSpec: swarmSpec(),
    env: {},
    hostEnv,
    language: pythonLanguage,
    cwd: '/tmp',
    concurrency: 4,
    launchTimeoutMs: 120_000,
    hopelessTimeoutMs: 6_000,
    caseTimeoutMs: 280_000,
    rendezvous,
    services: (defaults) => ({ ...defaults, rendezvous }),
    leftovers: async (owner) => await (await benches.view()).leftovers(owner),
  });
  for (const { name, run } of cases) test(name, run, 300_000);
});
