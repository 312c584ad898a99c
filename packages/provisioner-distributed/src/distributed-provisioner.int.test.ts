import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { JsonObject, Rendezvous, ResourceOwner } from '@gateway-provisioners/core';
import { createTestRendezvous, provisionerConformance, pythonLanguage } from '@gateway-provisioners/testkit';
import { distributedProvisioner } from './index.ts';
import { baseConfig, ourProcesses, pythonSpec, ssh, testbed, until } from './testing/ssh-testbed.ts';

const baseEnv = { HOME: '/nonexistent', USER: 'gp', PATH: '/usr/local/bin:/usr/bin:/bin' };

/** Folders of that kernel on the hosts. */
async function leftovers(hosts: readonly string[], owner: ResourceOwner): Promise<readonly string[]> {
  const found = await Promise.all(
    hosts.map((host) =>
      ssh('in', host, 'sh', '-c', `ls -d /home/*/.gateway-provisioners/run/*/*${owner.kernelId}* || :`),
    ),
  );
  return found.flatMap((text) => text.split('\n').filter((line) => line !== ''));
}

const folder = mkdtempSync(join(tmpdir(), 'gp-ssh-int-'));
const jumpConfig = join(folder, 'config');
writeFileSync(jumpConfig, `Host ${testbed.innerHost}\n  ProxyJump gp@${testbed.host1}\n`);

interface Variant {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly config: JsonObject;
  readonly env?: Readonly<Record<string, string>>;
}

const variants: readonly Variant[] = [
  { name: 'directly', hosts: ['1', '2'], config: { remote_hosts: [testbed.host1, testbed.host2] } },
  { name: 'through a tunnel', hosts: ['island'], config: { remote_hosts: [testbed.islandHost], tunneling: true } },
  {
    name: 'through a jump host',
    hosts: ['inner'],
    config: { remote_hosts: [testbed.innerHost], ssh_config: jumpConfig },
  },
  {
    name: 'as another user',
    hosts: ['2'],
    config: { remote_hosts: [testbed.host2], impersonation_enabled: true },
    env: { KERNEL_USERNAME: 'gpalice' },
  },
];

let rendezvous: (Rendezvous & AsyncDisposable) | undefined;
const lazyRendezvous: Rendezvous = {
  expect: async (kernelId, options) => await rendezvous!.expect(kernelId, options),
  openComm: async (state, options) => await rendezvous!.openComm(state, options),
};

beforeAll(async () => {
  rendezvous = await createTestRendezvous({ address: testbed.gatewayIp });
});

afterAll(async () => {
  await rendezvous?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

describe.each(variants)('distributed-provisioner conforms with ipykernel $name', ({ hosts, config, env }) => {
  const cases = provisionerConformance({
    definition: distributedProvisioner,
    config: { ...baseConfig, ...config },
    kernelSpec: pythonSpec,
    env: { ...baseEnv, ...env },
    language: pythonLanguage,
    cwd: '/tmp',
    concurrency: 4,
    launchTimeoutMs: 60_000,
    hopelessTimeoutMs: 4_000,
    caseTimeoutMs: 240_000,
    rendezvous: lazyRendezvous,
    services: (defaults) => ({ ...defaults, rendezvous: lazyRendezvous }),
    leftovers: async (owner) => await leftovers(hosts, owner),
  });
  for (const { name, run } of cases) test(name, run, 300_000);

  test('no process is left on any host', async () => {
    for (const host of hosts) {
      await until(`nothing on host ${host}`, async () => (await ourProcesses(host)).length === 0);
      expect(await ourProcesses(host)).toEqual([]);
    }
  });
});
