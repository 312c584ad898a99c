import { describe, expect, test } from '@jest/globals';

import { createKernelSpecs } from '@gateway-provisioners/kernelspec';
import {
  ProvisionerError,
  ProvisionerRegistry,
  ResourceStack,
  noRendezvous,
  silentLogger,
  systemClock,
} from '@gateway-provisioners/core';
import { createKernelManager, memoryStore } from '@gateway-provisioners/kernel-manager';
import type { GatewayBackends } from './open-kernels.ts';
import { openingBackends } from './opening-backends.ts';

async function openBackends(): Promise<GatewayBackends> {
  const stack = new ResourceStack();
  const kernelspecs = stack.use(await createKernelSpecs({ env: {}, searchPath: [] }));
  const services = {
    instanceId: 'test',
    logger: silentLogger,
    clock: systemClock,
    runtimeDir: '/nowhere',
    env: {},
    rendezvous: noRendezvous,
  };
  const registry = stack.use(new ProvisionerRegistry({ services }));
  const store = stack.use(memoryStore());
  const instanceId = await store.open({});
  const kernels = await createKernelManager({ registry, kernelspecs, store, instanceId, env: {} });
  stack.defer(() => kernels.close({ kernels: 'end' }));
  const launcherAnswers = { handleHttp: () => Promise.resolve({ status: 403, body: '' } as const) };
  return {
    kernels,
    kernelspecs,
    launcherAnswers,
    isDurable: false,
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

describe('backends that are being opened', () => {
  test('answer what was asked before, once they are open', async () => {
    const opening = openingBackends();
    const listing = opening.kernelspecs.list();
    const name = opening.kernelspecs.defaultName();
    const missing = opening.kernels.start({ name: 'no-such-kernel' }).catch((error: unknown) => error);
    expect(opening.kernels.list()).toEqual([]);
    expect(opening.kernels.get('x')).toBeUndefined();
    await using backends = await opening.open(openBackends);
    expect(await opening.opened).toBe(backends);
    expect(await listing).toEqual({ specs: [], problems: [] });
    expect(await name).toBe('python3');
    expect(await missing).toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
  });

  test('fail for all who wait when they cannot be opened', async () => {
    const opening = openingBackends();
    const listing = opening.kernelspecs.list().catch((error: unknown) => error);
    opening.kernels.subscribe('removed', () => undefined)();
    const failure = new ProvisionerError('INVALID_STATE', 'another gateway uses the folder');
    await expect(opening.open(() => Promise.reject(failure))).rejects.toBe(failure);
    expect(await listing).toBe(failure);
  });
});
