import { afterAll, describe, test } from '@jest/globals';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { provisionerConformance, pythonLanguage } from '@gateway-provisioners/testkit';
import { dockerProvisioner } from './index.ts';
import {
  containersOf,
  dockerRendezvous,
  hostEnv,
  launcherSpec,
  openTestEngine,
  pythonLauncherArgv,
} from './testing/docker-bench.ts';

const rendezvous = dockerRendezvous();
let engine: DockerEngine | undefined;
afterAll(async () => {
  await rendezvous[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
});

const images = [
  { name: 'our Python launcher (version 2)', image: 'gp-test/kernel-py' },
  { name: 'the Python launcher of the package gateway_provisioners (version 1)', image: 'gp-test/kernel-gp' },
];

describe.each(images)('docker-provisioner conforms with $name', ({ image }) => {
  const cases = provisionerConformance({
    definition: dockerProvisioner,
    config: { image_name: image, mirror_working_dirs: true },
    kernelSpec: launcherSpec(pythonLauncherArgv),
    env: {},
    hostEnv,
    language: pythonLanguage,
    cwd: '/tmp',
    concurrency: 4,
    launchTimeoutMs: 90_000,
    hopelessTimeoutMs: 5_000,
    caseTimeoutMs: 240_000,
    rendezvous,
    services: (defaults) => ({ ...defaults, rendezvous }),
    leftovers: async (owner) => await containersOf((engine ??= await openTestEngine()), owner),
  });
  for (const { name, run } of cases) test(name, run, 300_000);
});
