import { describe, expect, it } from '@jest/globals';
import { systemClock } from '../clock.ts';
import { defineProvisioner } from '../define-provisioner.ts';
import { ProvisionerError } from '../errors.ts';
import type { LogFields, Logger } from '../logger.ts';
import { silentLogger } from '../logger.ts';
import { noRendezvous } from '../no-rendezvous.ts';
import type { ProvisionerDefinition } from '../provisioner.ts';
import { PROVISIONER_BRAND } from '../provisioner.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import type { ProvisionerOrigin } from './provisioner-origin.ts';
import { ProvisionerRegistry } from './provisioner-registry.ts';

const origin: ProvisionerOrigin = {
  kind: 'configured',
  package: 'pack',
  version: '1.2.3',
  path: '/p/index.js',
  setting: 'provisioners.bad-provisioner',
};
const ORIGIN_TEXT = 'pack@1.2.3 (/p/index.js, named in provisioners.bad-provisioner)';
const failure = new Error('the reason');

const anySchema = { '~standard': { version: 1, vendor: 'none', validate: (value: unknown) => ({ value }) } } as const;
const schemaWith = (standard: object) => ({ '~standard': { version: 1, vendor: 'none', ...standard } });

const provisioner = {
  launch: () => Promise.reject(new Error('not here')),
  attach: () => Promise.resolve(undefined),
  list: () => Promise.resolve({ resources: [], unreachable: [] }),
  reap: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** As plain JavaScript would do it: the types are not what a stranger's package obeys. */
function defined(fields: object): ProvisionerDefinition {
  const input = { name: 'bad-provisioner', apiVersion: 1, configSchema: anySchema, create: () => provisioner };
  return defineProvisioner(Object.assign(input, fields));
}

/** Not made by `defineProvisioner`, but says so. */
const byHand = (fields: object): object => ({
  name: 'bad-provisioner',
  apiVersion: 1,
  configSchema: anySchema,
  [PROVISIONER_BRAND]: true,
  createChecked: () => Promise.resolve(provisioner),
  ...fields,
});

const throwing = (key: PropertyKey): object =>
  Object.defineProperty(byHand({}), key, {
    get: () => {
      throw failure;
    },
  });

function registryWith(exported: unknown, logger: Logger = silentLogger): ProvisionerRegistry {
  const services = {
    instanceId: 'test',
    clock: systemClock,
    runtimeDir: '/nowhere',
    env: {},
    rendezvous: noRendezvous,
  };
  const registry = new ProvisionerRegistry({ services: { ...services, logger } });
  registry.registerLazy({ name: 'bad-provisioner', origin, load: () => Promise.resolve({ default: exported }) });
  registry.register({ ...defined({ name: 'good-provisioner' }) });
  return registry;
}

/** The error of a kernel that needs the plug-in; kernels of others start as before. */
async function problemOf(exported: unknown): Promise<unknown> {
  await using registry = registryWith(exported);
  const problem: unknown = await registry.provisionerFor('bad-provisioner', {}).catch((error: unknown) => error);
  expect(await registry.provisionerFor('good-provisioner', {})).toBeDefined();
  return problem;
}

describe('a plug-in whose default export', () => {
  it.each([
    ['is null', null, 'is null'],
    ['is a list', [], 'is a list'],
    ['is a function', () => defined({}), 'is a function'],
    ['is text', 'x', 'is of type string'],
    ['has another brand', byHand({ [PROVISIONER_BRAND]: 'yes' }), 'has no brand'],
    ['has a brand alone', byHand({ createChecked: undefined }), 'lacks name or createChecked'],
  ])('%s is refused with what it is', async (_, exported, what) => {
    expect(await problemOf(exported)).toMatchObject({
      code: 'PROVISIONER_NOT_BRANDED',
      message: expect.stringMatching(/make it with defineProvisioner/),
      coordinates: { package: 'pack', version: '1.2.3', path: '/p/index.js', setting: origin.setting },
    });
    expect(await problemOf(exported)).toMatchObject({ message: expect.stringContaining(what) });
    expect(await problemOf(exported)).toMatchObject({ message: expect.stringContaining(ORIGIN_TEXT) });
  });

  it.each(['apiVersion', PROVISIONER_BRAND, 'name', 'configSchema', 'createChecked'])(
    'throws at %s is refused with the cause',
    async (key) => {
      expect(await problemOf(throwing(key))).toMatchObject({
        code: 'PROVISIONER_LOAD_FAILED',
        message: expect.stringContaining(`${ORIGIN_TEXT} cannot be read: the reason`),
        cause: failure,
      });
    },
  );

  it('throws at everything is refused with the cause', async () => {
    const raise = (): never => {
      throw failure;
    };
    const proxy = new Proxy({}, { get: raise, has: raise, getPrototypeOf: raise, ownKeys: raise });
    expect(await problemOf(proxy)).toMatchObject({ code: 'PROVISIONER_LOAD_FAILED', cause: failure });
  });

  it('has an apiVersion that is no number is refused for that', async () => {
    for (const apiVersion of [Object.create(null) as unknown, Symbol('one'), 1n, '1', undefined, null]) {
      expect(await problemOf(byHand({ apiVersion }))).toMatchObject({ code: 'PROVISIONER_API_MISMATCH' });
    }
  });

  it('is wrapped once more, as compilers to CommonJS leave it, is taken', async () => {
    await using registry = registryWith({ __esModule: true, default: defined({}) });
    expect(await registry.provisionerFor('bad-provisioner', {})).toBeDefined();
  });
});

describe('a plug-in whose configSchema', () => {
  it.each([
    ['is missing', undefined],
    ['is null', null],
    ['is a JSON schema', { type: 'object' }],
    ['has no validate', schemaWith({ validate: undefined })],
    ['has no version', { '~standard': { validate: () => ({ value: 1 }) } }],
    ['is of another version', schemaWith({ version: 2, validate: () => ({ value: 1 }) })],
    ['has null for the standard', { '~standard': null }],
  ])('%s is refused when it is loaded', async (_, configSchema) => {
    expect(await problemOf(defined({ configSchema }))).toMatchObject({
      code: 'PROVISIONER_SCHEMA_INVALID',
      message: expect.stringMatching(/configSchema of pack@1\.2\.3 .*no Standard Schema.*give defineProvisioner/),
      coordinates: { package: 'pack', version: '1.2.3', path: '/p/index.js' },
    });
  });

  it('has a getter that throws is refused with the cause', async () => {
    const configSchema = Object.defineProperty({}, '~standard', {
      get: () => {
        throw failure;
      },
    });
    const problem = await problemOf(defined({ configSchema }));
    expect(problem).toMatchObject({ code: 'PROVISIONER_LOAD_FAILED', cause: failure });
  });

  it('is a function, as that of some libraries, is taken', async () => {
    await using registry = registryWith(defined({ configSchema: Object.assign(() => undefined, anySchema) }));
    expect(await registry.provisionerFor('bad-provisioner', {})).toBeDefined();
  });

  it('is checked after version and brand, and before the name', async () => {
    const bad = { configSchema: {}, name: 'another' };
    expect(await problemOf(byHand({ ...bad, apiVersion: 2, [PROVISIONER_BRAND]: false }))).toMatchObject({
      code: 'PROVISIONER_API_MISMATCH',
    });
    expect(await problemOf(byHand({ ...bad, [PROVISIONER_BRAND]: false }))).toMatchObject({
      code: 'PROVISIONER_NOT_BRANDED',
    });
    expect(await problemOf(byHand(bad))).toMatchObject({ code: 'PROVISIONER_SCHEMA_INVALID' });
    expect(await problemOf(byHand({ name: 'another' }))).toMatchObject({ code: 'PROVISIONER_LOAD_FAILED' });
  });

  it.each([
    [
      'throws',
      () => {
        throw failure;
      },
    ],
    ['rejects', () => Promise.reject(failure)],
  ])('%s at settings is told with the cause', async (_, validate) => {
    const configSchema = schemaWith({ validate });
    expect(await problemOf(defined({ configSchema }))).toMatchObject({
      code: 'PROVISIONER_SCHEMA_INVALID',
      message: expect.stringMatching(/pack@1\.2\.3 .*the reason/),
      cause: failure,
    });
  });

  it.each([
    undefined,
    null,
    7,
    'text',
    {},
    { issues: [] },
    { issues: 'bad' },
    { issues: [null] },
    { issues: [{}] },
    { issues: [{ message: 'm', path: 7 }] },
    { issues: [{ message: 'm', path: [null] }] },
  ])('answers %j is told', async (answer) => {
    const configSchema = schemaWith({ validate: () => answer });
    expect(await problemOf(defined({ configSchema }))).toMatchObject({
      code: 'PROVISIONER_SCHEMA_INVALID',
      message: expect.stringMatching(/pack@1\.2\.3 .*neither a value nor issues/),
    });
  });

  it('finds settings wrong is told with every problem and whose settings they are', async () => {
    const configSchema = schemaWith({ validate: () => ({ issues: [{ message: 'is bad', path: ['size'] }] }) });
    const exported = defined({ configSchema });
    expect(await problemOf(exported)).toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining(`settings of bad-provisioner of ${ORIGIN_TEXT}: size: is bad`),
      problems: [{ key: 'size', message: 'is bad' }],
    });
  });
});

describe('a plug-in whose create', () => {
  it.each([
    [
      'throws',
      () => {
        throw failure;
      },
    ],
    ['rejects', () => Promise.reject(failure)],
  ])('%s is told with the cause', async (_, create) => {
    const expected = {
      code: 'PROVISIONER_CREATE_FAILED',
      message: expect.stringMatching(/pack@1\.2\.3 .*the reason/),
      cause: failure,
      coordinates: { package: 'pack', version: '1.2.3', path: '/p/index.js' },
    };
    expect(await problemOf(defined({ create }))).toMatchObject(expected);
    expect(await problemOf(byHand({ createChecked: create }))).toMatchObject(expected);
  });

  it.each<unknown>([null, undefined, Object.create(null), 'text', { message: 7 }])(
    'throws %j instead of an error is told',
    async (thrown) => {
      const create = () =>
        new Promise((_, reject) => {
          Reflect.apply(reject, undefined, [thrown]);
        });
      expect(await problemOf(defined({ create }))).toMatchObject({ code: 'PROVISIONER_CREATE_FAILED', cause: thrown });
    },
  );

  it('throws an error of the catalogue is told in its words', async () => {
    const refused = new ProvisionerError('ENGINE_UNAVAILABLE', 'no engine at tcp://nowhere');
    expect(await problemOf(defined({ create: () => Promise.reject(refused) }))).toBe(refused);
  });

  it.each([
    ['nothing', undefined, 'launch, attach, list, reap, Symbol.asyncDispose'],
    ['null', null, 'launch, attach, list, reap, Symbol.asyncDispose'],
    ['what cannot list', { ...provisioner, list: 'none' }, 'list'],
    ['what cannot be disposed of', { ...provisioner, [Symbol.asyncDispose]: undefined }, 'Symbol.asyncDispose'],
  ])('gives %s is told with what is missing', async (_, created, missing) => {
    const expected = {
      code: 'PROVISIONER_CREATE_FAILED',
      message: expect.stringContaining(`lacks these methods: ${missing}`),
      coordinates: { package: 'pack' },
    };
    expect(await problemOf(defined({ create: () => created }))).toMatchObject(expected);
    expect(await problemOf(byHand({ createChecked: () => created }))).toMatchObject(expected);
  });
});

describe('a registry with bad plug-ins', () => {
  it('lists a problem, and logs it once however often kernels ask', async () => {
    const lines: [string, LogFields | undefined][] = [];
    const logger: Logger = { ...silentLogger, warn: (message, fields) => void lines.push([message, fields]) };
    await using registry = registryWith(defined({ configSchema: {} }), logger);
    for (const size of [1, 2, 3]) await registry.provisionerFor('bad-provisioner', { size }).catch(() => undefined);
    expect(lines).toEqual([
      ['provisioner refused', { provisioner: 'bad-provisioner', reason: expect.stringContaining(ORIGIN_TEXT) }],
    ]);
    expect(registry.list()).toMatchObject([
      { name: 'bad-provisioner', status: 'failed', problem: { code: 'PROVISIONER_SCHEMA_INVALID' } },
      { name: 'good-provisioner', status: 'available' },
    ]);
  });

  it('refuses what is registered by code and is none', () => {
    const registry = new ProvisionerRegistry({
      services: {
        instanceId: 'test',
        logger: silentLogger,
        clock: systemClock,
        runtimeDir: '/',
        env: {},
        rendezvous: noRendezvous,
      },
    });
    for (const [definition, code] of [
      [JSON.parse('null') as ProvisionerDefinition, 'PROVISIONER_NOT_BRANDED'],
      [defined({ configSchema: {} }), 'PROVISIONER_SCHEMA_INVALID'],
    ] as const) {
      expect(() => {
        registry.register(definition);
      }).toThrow(expect.objectContaining({ code }));
    }
  });

  it.each(['create', 'dispose'])('ends although one hangs in %s', async (place) => {
    const clock = new ManualClock();
    const services = { instanceId: 'test', logger: silentLogger, runtimeDir: '/', env: {}, rendezvous: noRendezvous };
    const registry = new ProvisionerRegistry({ services: { ...services, clock } });
    const never = new Promise<never>(() => undefined);
    let reached: () => void = () => undefined;
    const isReached = new Promise<void>((resolve) => {
      reached = resolve;
    });
    let disposals = 0;
    const create = () =>
      place === 'create' ? (reached(), never) : { ...provisioner, [Symbol.asyncDispose]: () => (reached(), never) };
    const dispose = () => Promise.resolve(void (disposals += 1));
    registry.register(
      defined({ name: 'good-provisioner', create: () => ({ ...provisioner, [Symbol.asyncDispose]: dispose }) }),
    );
    registry.register(defined({ create }));
    await registry.provisionerFor('good-provisioner', {});
    const needed = registry.provisionerFor('bad-provisioner', {});
    if (place === 'dispose') await needed;
    else await isReached;
    const ended = registry[Symbol.asyncDispose]().catch((error: unknown) => error);
    await clock.advance(60_000);
    await ended;
    expect(disposals).toBe(1);
  });
});
