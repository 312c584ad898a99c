import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import type { Rendezvous } from '@gateway-provisioners/core';
import { parseRemoteState } from '@gateway-provisioners/core/remote';
import { createTestRendezvous, provisionerConformance } from '@gateway-provisioners/testkit';
import { DistributedProvisioner } from './distributed-provisioner.ts';
import { distributedProvisioner } from './index.ts';
import { launchedFakeKernel } from './testing/fake-kernel.ts';

const remoteDir = mkdtempSync(join(tmpdir(), 'gp-distributed-'));
const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: remoteDir };

let real: (Rendezvous & AsyncDisposable) | undefined;
const rendezvous: Rendezvous = {
  expect: async (kernelId, options) => await real!.expect(kernelId, options),
  openComm: async (state, options) => await real!.openComm(state, options),
};

beforeAll(async () => {
  real = await createTestRendezvous();
});

afterAll(async () => {
  await real?.[Symbol.asyncDispose]();
  rmSync(remoteDir, { recursive: true });
});

describe('distributed-provisioner conforms on localhost, where it needs no SSH', () => {
  const cases = provisionerConformance({
    definition: distributedProvisioner,
    config: { remote_dir: remoteDir },
    kernelSpec: launchedFakeKernel(),
    env,
    rendezvous,
    services: (defaults) => ({ ...defaults, rendezvous }),
    leftovers: async (owner) => {
      const paths = await readdir(remoteDir, { recursive: true });
      return paths.filter((path) => path.includes(owner.kernelId));
    },
    launchTimeoutMs: 60_000,
    concurrency: 4,
  });
  for (const { name, run } of cases) test(name, run, 240_000);
});

test("a policy of one's own chooses the host", async () => {
  const services = {
    instanceId: 'own-policy',
    runtimeDir: remoteDir,
    rendezvous,
    clock: systemClock,
    logger: silentLogger,
    env: { ...env },
  };
  const asked: (readonly string[])[] = [];
  await using provisioner = await DistributedProvisioner.open(
    services,
    { remote_hosts: ['localhost', '127.0.0.1'], remote_dir: remoteDir },
    {
      policy: (hosts) => {
        asked.push(hosts.map(({ host, kernels }) => `${host.name}: ${String(kernels)}`));
        return Promise.resolve(hosts.map(({ host }) => host).reverse());
      },
    },
  );
  const kernel = await provisioner.launch({
    instanceId: services.instanceId,
    kernelId: randomUUID(),
    incarnation: 1,
    owner: 'tester',
    kernelSpec: launchedFakeKernel(),
    env: { PATH: env.PATH },
    deadline: systemClock.now() + 120_000,
    transportEncryption: 'disabled',
    rendezvous,
    checkpoint: () => Promise.resolve(),
  });
  expect(parseRemoteState(kernel.state).resource).toEqual({ host: '127.0.0.1' });
  expect(asked).toEqual([['localhost: 0', '127.0.0.1: 0']]);
  await kernel.kill();
}, 240_000);

describe('settings', () => {
  const services = {
    instanceId: 'test',
    runtimeDir: '/nowhere',
    rendezvous,
    clock: { now: () => 0, schedule: () => () => undefined },
  };

  test.each([
    ['GSS', { remote_gss: 'true' }, 'GSS-API'],
    ['an algorithm that there is not', { load_balancing_algorithm: 'random' }, 'load_balancing_algorithm'],
    ['no host', { remote_hosts: ' , ' }, 'at least one host'],
    ['a host that is an option', { remote_hosts: ['-oProxyCommand=id'] }, 'ProxyCommand'],
    ['a relative folder', { remote_dir: 'here' }, 'absolute path'],
    ['a port range that is none', { port_range: '1' }, 'port_range'],
  ])('%s is refused', async (_what, config, message) => {
    const created = distributedProvisioner.createChecked({ ...services, logger: silentLogger, env: {} }, config);
    await expect(created).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining(message),
    });
  });
});
