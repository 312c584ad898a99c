import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { ProvisionerRegistry, noRendezvous, silentLogger, systemClock } from '@gateway-provisioners/core';
import { bundledProvisioners, registerBundledProvisioners } from './index.ts';

const newRegistry = () =>
  new ProvisionerRegistry({
    services: {
      instanceId: 'test',
      logger: silentLogger,
      clock: systemClock,
      runtimeDir: '/nowhere',
      env: {},
      rendezvous: noRendezvous,
    },
  });

describe('bundledProvisioners', () => {
  it('are available without being imported', async () => {
    await using registry = newRegistry();
    registerBundledProvisioners(registry);
    const available = bundledProvisioners.map(({ name }) => [name, 'available']).sort();
    expect(
      registry
        .list()
        .map(({ name, status }) => [name, status])
        .sort(),
    ).toEqual(available);
  });

  it.each(bundledProvisioners.map(({ name }) => name))(
    '%s loads and passes the checks of the registry',
    async (name) => {
      await using registry = newRegistry();
      registerBundledProvisioners(registry);
      expect((await registry.definitionOf(name)).name).toBe(name);
    },
  );

  it('are the provisioner packages that this package depends on', async () => {
    const packageJson: unknown = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
    for (const { origin } of bundledProvisioners) {
      expect(packageJson).toHaveProperty(['dependencies', origin.package ?? 'none']);
    }
  });

  it('cannot be registered twice', async () => {
    await using registry = newRegistry();
    registerBundledProvisioners(registry);
    expect(() => {
      registerBundledProvisioners(registry);
    }).toThrow(expect.objectContaining({ code: 'PROVISIONER_DUPLICATE' }));
  });
});
