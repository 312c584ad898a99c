import { describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { systemClock } from '../clock.ts';
import { defineProvisioner } from '../define-provisioner.ts';
import type { JsonObject } from '../kernel-spec.ts';
import { silentLogger } from '../logger.ts';
import { noRendezvous } from '../no-rendezvous.ts';
import type { KernelProvisioner, ProvisionerServices } from '../provisioner.ts';
import { PROVISIONER_BRAND } from '../provisioner.ts';
import { ProvisionerRegistry } from './provisioner-registry.ts';

const services: ProvisionerServices = {
  instanceId: 'test',
  logger: silentLogger,
  clock: systemClock,
  runtimeDir: '/nowhere',
  env: {},
  rendezvous: noRendezvous,
};

interface FakeProvisioner extends KernelProvisioner {
  readonly config: unknown;
  readonly disposals: () => number;
}

function fakeProvisioner(config: unknown): FakeProvisioner {
  let disposals = 0;
  return {
    config,
    disposals: () => disposals,
    launch: () => Promise.reject(new Error('not here')),
    attach: () => Promise.resolve(undefined),
    list: () => Promise.resolve({ resources: [], unreachable: [] }),
    reap: () => Promise.resolve(),
    [Symbol.asyncDispose]() {
      disposals += 1;
      return Promise.resolve();
    },
  };
}

function fakeDefinition(options: { readonly name?: string; readonly create?: () => void } = {}) {
  const made: FakeProvisioner[] = [];
  const definition = defineProvisioner({
    name: options.name ?? 'fake-provisioner',
    apiVersion: 1,
    configSchema: z.looseObject({ size: z.number().optional() }),
    create: (_, config) => {
      options.create?.();
      const provisioner = fakeProvisioner(config);
      made.push(provisioner);
      return provisioner;
    },
  });
  return { definition, made };
}

const newRegistry = (baseConfig?: Readonly<Record<string, JsonObject>>) =>
  new ProvisionerRegistry({ services, baseConfig });

describe('provisionerFor', () => {
  it('keeps one object for each distinct settings, whatever the order of keys', async () => {
    const { definition, made } = fakeDefinition();
    await using registry = newRegistry();
    registry.register(definition);
    const [first, second, third] = await Promise.all([
      registry.provisionerFor('fake-provisioner', { a: 1, b: { c: 2, d: 3 } }),
      registry.provisionerFor('fake-provisioner', { b: { d: 3, c: 2 }, a: 1 }),
      registry.provisionerFor('fake-provisioner', { a: 2 }),
    ]);
    expect(first).toBe(second);
    expect(first).not.toBe(third);
    expect(made).toHaveLength(2);
  });

  it("lays the kernelspec's settings over the host's, key by key", async () => {
    const { definition, made } = fakeDefinition();
    await using registry = newRegistry({ 'fake-provisioner': { a: { x: 1 }, b: 1 } });
    registry.register(definition);
    await registry.provisionerFor('fake-provisioner', { a: { y: 2 } });
    expect(made[0]?.config).toEqual({ a: { y: 2 }, b: 1 });
  });

  it('reports wrong settings and does not remember them', async () => {
    const { definition } = fakeDefinition();
    await using registry = newRegistry();
    registry.register(definition);
    await expect(registry.provisionerFor('fake-provisioner', { size: 'large' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      problems: [{ key: 'size' }],
    });
    expect(registry.list()[0]?.status).toBe('loaded');
  });

  it('tries again after a failed creation, which all waiting callers share', async () => {
    let attempts = 0;
    const { definition } = fakeDefinition({
      create: () => {
        attempts += 1;
        if (attempts === 1) throw new Error('engine is down');
      },
    });
    await using registry = newRegistry();
    registry.register(definition);
    const results = await Promise.allSettled([1, 2].map(() => registry.provisionerFor('fake-provisioner', {})));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(attempts).toBe(1);
    await registry.provisionerFor('fake-provisioner', {});
    expect(attempts).toBe(2);
  });

  it('lets a caller leave without harm to the others', async () => {
    const { definition } = fakeDefinition();
    await using registry = newRegistry();
    registry.register(definition);
    const controller = new AbortController();
    const leaving = registry.provisionerFor('fake-provisioner', {}, { signal: controller.signal });
    const staying = registry.provisionerFor('fake-provisioner', {});
    controller.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await staying).toBeDefined();
  });

  it('names what is close to an unknown name', async () => {
    await using registry = newRegistry();
    registry.register(fakeDefinition().definition);
    await expect(registry.provisionerFor('fake-provisoner', {})).rejects.toMatchObject({
      code: 'PROVISIONER_NOT_FOUND',
      message: expect.stringContaining('did you mean "fake-provisioner"?'),
    });
    await expect(registry.provisionerFor('constructor', {})).rejects.toMatchObject({ code: 'PROVISIONER_NOT_FOUND' });
  });

  it('disposes of every object, once, and serves nobody afterwards', async () => {
    const { definition, made } = fakeDefinition();
    const registry = newRegistry();
    registry.register(definition);
    await registry.provisionerFor('fake-provisioner', { a: 1 });
    void registry.provisionerFor('fake-provisioner', { a: 2 });
    await Promise.all([registry[Symbol.asyncDispose](), registry[Symbol.asyncDispose]()]);
    expect(made.map(({ disposals }) => disposals())).toEqual([1, 1]);
    await expect(registry.provisionerFor('fake-provisioner', {})).rejects.toMatchObject({ code: 'INVALID_STATE' });
  });
});

describe('registration', () => {
  it('refuses a second provisioner of the same name, naming both', () => {
    const registry = newRegistry();
    registry.register(fakeDefinition().definition, { kind: 'registered', package: 'one', version: '1.0.0' });
    expect(() => {
      registry.register(fakeDefinition().definition, { kind: 'registered', package: 'two' });
    }).toThrow(
      expect.objectContaining({ code: 'PROVISIONER_DUPLICATE', message: expect.stringMatching(/one@1\.0\.0.*two/) }),
    );
  });

  it('lets nothing that is discovered take a name, and refuses what is ambiguous', async () => {
    const registry = newRegistry();
    const load = () => Promise.resolve({ default: fakeDefinition().definition });
    registry.registerLazy({ name: 'fake-provisioner', origin: { kind: 'registered' }, load });
    registry.offer({ name: 'fake-provisioner', origin: { kind: 'discovered', package: 'thief' }, load });
    expect(await registry.provisionerFor('fake-provisioner', {})).toBeDefined();
    expect(registry.list().map(({ status }) => status)).toEqual(['loaded', 'failed']);

    registry.offer({ name: 'other', origin: { kind: 'discovered', package: 'one' }, load });
    registry.offer({ name: 'other', origin: { kind: 'discovered', package: 'two' }, load });
    await expect(registry.provisionerFor('other', {})).rejects.toMatchObject({ code: 'PROVISIONER_DUPLICATE' });

    const overridden = newRegistry();
    overridden.registerLazy({ name: 'fake-provisioner', origin: { kind: 'registered' }, load });
    overridden.offer({ name: 'fake-provisioner', origin: { kind: 'configured', package: 'meant' }, load });
    await expect(overridden.provisionerFor('fake-provisioner', {})).rejects.toMatchObject({
      code: 'PROVISIONER_DUPLICATE',
    });
  });

  it('imports lazily, once', async () => {
    await using registry = newRegistry();
    const load = jest.fn(() => Promise.resolve({ default: fakeDefinition().definition }));
    registry.registerLazy({ name: 'fake-provisioner', origin: { kind: 'registered' }, load });
    expect(load).not.toHaveBeenCalled();
    expect(registry.list()[0]?.status).toBe('available');
    await Promise.all([1, 2].map((size) => registry.provisionerFor('fake-provisioner', { size })));
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('tries an import again after it has failed', async () => {
    await using registry = newRegistry();
    const load = jest
      .fn<() => Promise<unknown>>()
      .mockRejectedValueOnce(new Error('no such module'))
      .mockResolvedValue(fakeDefinition().definition);
    registry.registerLazy({ name: 'fake-provisioner', origin: { kind: 'registered', package: 'p' }, load });
    await expect(registry.provisionerFor('fake-provisioner', {})).rejects.toMatchObject({
      code: 'PROVISIONER_LOAD_FAILED',
      message: expect.stringContaining('p cannot be imported: no such module'),
    });
    expect(registry.list()[0]).toMatchObject({ status: 'failed', problem: { code: 'PROVISIONER_LOAD_FAILED' } });
    await registry.provisionerFor('fake-provisioner', {});
    expect(registry.list()[0]).toMatchObject({ status: 'loaded', problem: undefined });
  });

  it.each([
    ['another version of the contract, before anything else', { apiVersion: 2 }, 'PROVISIONER_API_MISMATCH'],
    [
      'no brand',
      { ...fakeDefinition().definition, [PROVISIONER_BRAND]: undefined, name: 7 },
      'PROVISIONER_NOT_BRANDED',
    ],
    ['nothing', undefined, 'PROVISIONER_NOT_BRANDED'],
    ['a module without default export', {}, 'PROVISIONER_NOT_BRANDED'],
    ['another name', fakeDefinition({ name: 'another' }).definition, 'PROVISIONER_LOAD_FAILED'],
  ])('refuses %s', async (_, exported, code) => {
    await using registry = newRegistry();
    registry.registerLazy({
      name: 'fake-provisioner',
      origin: { kind: 'registered', package: 'pack', version: '1.2.3', path: '/p/index.js' },
      load: () => Promise.resolve({ default: exported }),
    });
    await expect(registry.provisionerFor('fake-provisioner', {})).rejects.toMatchObject({
      code,
      message: expect.stringContaining('pack@1.2.3 (/p/index.js)'),
    });
  });
});
