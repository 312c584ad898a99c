import { afterEach, describe, expect, it } from '@jest/globals';
import type { ImageRequest } from '@gateway-provisioners/core';
import { FakeBackend } from '../testing/fake-backend.ts';
import { managerBench } from '../testing/manager-bench.ts';
import { testSpec } from '../testing/test-manager.ts';

const { setUp, clear } = managerBench();
afterEach(clear);

const offers = [{ name: 'a', image: 'a:1', default: true }, { pattern: 'b:*' }];

describe('images of a kernelspec', () => {
  it('are what its backend offers to the owner, asked with the environment that a plain start has', async () => {
    const backend = new FakeBackend();
    const asked: ImageRequest[] = [];
    backend.images = (request) => {
      asked.push(request);
      return Promise.resolve(offers);
    };
    const spec = testSpec({ env: { KERNEL_IMAGE: '${REGISTRY}/a:1' } });
    const { manager } = await setUp({ backend, spec, env: { REGISTRY: 'registry.local' } });
    expect(await manager.images({ name: 'FAKE', owner: 'ada' })).toEqual(offers);
    await manager.start({ owner: 'ada' });
    const { KERNEL_ID: ofStart, ...env } = backend.last.context.env;
    const { KERNEL_ID: ofNone, ...askedEnv } = asked[0]?.env ?? {};
    expect({ owner: asked[0]?.owner, kernelSpec: asked[0]?.kernelSpec, env: askedEnv }).toEqual({
      owner: 'ada',
      kernelSpec: spec,
      env,
    });
    expect(env['KERNEL_IMAGE']).toBe('registry.local/a:1');
    expect(ofStart).not.toBe(ofNone);
    expect(manager.list()).toHaveLength(1);
    await manager.images();
    expect(asked[1]?.owner).toBe('anonymous');
  });

  it('are none where the backend has none', async () => {
    const { manager } = await setUp();
    expect(await manager.images()).toEqual([]);
  });

  it('fail as their kernelspec or their backend does, and when nobody waits for them any more', async () => {
    const backend = new FakeBackend();
    const { manager } = await setUp({ backend });
    await expect(manager.images({ name: 'other' })).rejects.toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
    backend.images = () => Promise.reject(new Error('no such file'));
    await expect(manager.images()).rejects.toThrow('no such file');
    const stop = new AbortController();
    backend.images = () => {
      stop.abort();
      return new Promise(() => undefined);
    };
    await expect(manager.images({ signal: stop.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    await manager.close({ kernels: 'end' });
    await expect(manager.images()).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });
});
