import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../clock.ts';
import { silentLogger } from '../logger.ts';
import { noRendezvous } from '../no-rendezvous.ts';
import { addConfiguredProvisioners, discoverProvisioners } from './discovery.ts';
import { ProvisionerRegistry } from './provisioner-registry.ts';

let folder: string;
let hostPackageJson: string;
let registry: ProvisionerRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-host-'));
  hostPackageJson = join(folder, 'app', 'package.json');
  registry = new ProvisionerRegistry({
    services: {
      instanceId: 'test',
      logger: silentLogger,
      clock: systemClock,
      runtimeDir: folder,
      env: {},
      rendezvous: noRendezvous,
    },
  });
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function put(path: string, content: string | object): Promise<void> {
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, typeof content === 'string' ? content : JSON.stringify(content));
}

const host = (dependencies: readonly string[]) =>
  put('app/package.json', {
    name: 'app',
    dependencies: Object.fromEntries(dependencies.map((name) => [name, '*'])),
  });

/** A module as a stranger's build would leave it; it marks that it was run. */
const module = (name: string, apiVersion = 1) => `
  globalThis.gpTestLoaded = (globalThis.gpTestLoaded ?? 0) + 1;
  export default {
    name: ${JSON.stringify(name)},
    apiVersion: ${String(apiVersion)},
    configSchema: { '~standard': { version: 1, vendor: 'none', validate: (value) => ({ value }) } },
    [Symbol.for('gateway-provisioners.provisioner.v1')]: true,
    createChecked: async () =>
      Object.fromEntries(['launch', 'attach', 'list', 'reap', Symbol.asyncDispose].map((key) => [key, async () => {}])),
  };`;

interface PackageOptions {
  readonly at?: string;
  readonly manifest?: unknown;
  readonly exports?: unknown;
}

async function install(name: string, { at = 'app', manifest, exports }: PackageOptions = {}): Promise<void> {
  const path = `${at}/node_modules/${name}`;
  await put(`${path}/package.json`, {
    name,
    version: '1.2.3',
    type: 'module',
    exports: exports ?? { '.': { default: './index.js' }, './package.json': './package.json' },
    gatewayProvisioners: manifest,
  });
  await put(`${path}/index.js`, module('nomad-provisioner'));
}

const nomad = { provisioners: { 'nomad-provisioner': '.' } };
const problems = () => registry.list().map(({ name, status, problem }) => [name, status, problem?.code]);

describe('discoverProvisioners', () => {
  it('finds what dependencies declare and runs nothing until it is needed', async () => {
    await host(['kernel-provisioner-nomad', 'left-pad', 'not-installed']);
    await install('kernel-provisioner-nomad', { manifest: nomad });
    await install('left-pad');
    await install('transitive', { manifest: { provisioners: { 'transitive-provisioner': '.' } } });
    const before: unknown = Reflect.get(globalThis, 'gpTestLoaded');
    await discoverProvisioners(registry, { hostPackageJson });
    expect(registry.list()).toEqual([
      {
        name: 'nomad-provisioner',
        status: 'available',
        problem: undefined,
        origin: {
          kind: 'discovered',
          package: 'kernel-provisioner-nomad',
          version: '1.2.3',
          path: join(folder, 'app/node_modules/kernel-provisioner-nomad/index.js'),
        },
      },
    ]);
    expect(Reflect.get(globalThis, 'gpTestLoaded')).toBe(before);
    expect(await registry.provisionerFor('nomad-provisioner', {})).toBeDefined();
  });

  it('finds packages in folders above, and with the import condition alone', async () => {
    await host(['hoisted', '@scope/scoped']);
    await install('hoisted', { at: '.', manifest: nomad, exports: { import: './index.js' } });
    await install('@scope/scoped', {
      at: '.',
      manifest: { provisioners: { 'other-provisioner': './sub' } },
      exports: { './sub': { node: { import: './index.js' } } },
    });
    await discoverProvisioners(registry, { hostPackageJson });
    expect(problems()).toEqual([
      ['other-provisioner', 'available', undefined],
      ['nomad-provisioner', 'available', undefined],
    ]);
    expect(await registry.provisionerFor('nomad-provisioner', {})).toBeDefined();
    await expect(registry.provisionerFor('other-provisioner', {})).rejects.toThrow(/offers "nomad-provisioner"/);
  });

  it('finds a package that is installed under another name, unless its own is denied', async () => {
    await host(['nomad']);
    await install('kernel-provisioner-nomad', { manifest: nomad });
    await rename(join(folder, 'app/node_modules/kernel-provisioner-nomad'), join(folder, 'app/node_modules/nomad'));
    await discoverProvisioners(registry, { hostPackageJson, deny: ['kernel-*'] });
    expect(registry.list()).toEqual([]);
    await discoverProvisioners(registry, { hostPackageJson, allow: ['nomad'] });
    expect(registry.list()).toMatchObject([{ status: 'available', origin: { package: 'kernel-provisioner-nomad' } }]);
    expect(await registry.provisionerFor('nomad-provisioner', {})).toBeDefined();
  });

  it('obeys patterns, deny over allow', async () => {
    await host(['@acme/one', '@acme/two', 'three']);
    for (const name of ['@acme/one', '@acme/two', 'three']) {
      await install(name, { manifest: { provisioners: { [name.replace('@acme/', '')]: '.' } } });
    }
    await discoverProvisioners(registry, { hostPackageJson, allow: ['@acme/*'], deny: ['*two'] });
    expect(registry.list().map(({ name }) => name)).toEqual(['one']);
  });

  it('records bad packages and goes on', async () => {
    await host(['a-not-json', 'b-bad-shape', 'c-other-api', 'd-no-entry', 'e-escapes', 'good']);
    await put('app/node_modules/a-not-json/package.json', '{');
    await install('b-bad-shape', { manifest: { provisioners: { 'Bad Name': '.' }, more: 1 } });
    await install('c-other-api', { manifest: { apiVersion: 2, ...nomad } });
    await install('d-no-entry', { manifest: { provisioners: { 'd-provisioner': './none' } } });
    await install('e-escapes', { manifest: { provisioners: { 'e-provisioner': './../../x' } } });
    await install('good', { manifest: nomad });
    await discoverProvisioners(registry, { hostPackageJson });
    expect(problems()).toEqual([
      ['nomad-provisioner', 'available', undefined],
      ['a-not-json', 'failed', 'PROVISIONER_LOAD_FAILED'],
      ['b-bad-shape', 'failed', 'PROVISIONER_MANIFEST_INVALID'],
      ['c-other-api', 'failed', 'PROVISIONER_API_MISMATCH'],
      ['d-provisioner', 'failed', 'PROVISIONER_LOAD_FAILED'],
      ['e-escapes', 'failed', 'PROVISIONER_MANIFEST_INVALID'],
    ]);
    await expect(registry.provisionerFor('d-provisioner', {})).rejects.toMatchObject({
      code: 'PROVISIONER_LOAD_FAILED',
    });
  });

  it('cannot work without the package.json of the host', async () => {
    await expect(discoverProvisioners(registry, { hostPackageJson })).rejects.toMatchObject({
      code: 'PROVISIONER_LOAD_FAILED',
    });
  });
});

describe('addConfiguredProvisioners', () => {
  beforeEach(() => host([]));
  const add = (provisioners: Readonly<Record<string, string>>) =>
    addConfiguredProvisioners(registry, { hostPackageJson, provisioners });

  it('takes files and packages that no dependency names', async () => {
    await put('app/local.mjs', module('local-file'));
    await install('nomad', {
      manifest: { provisioners: { 'nomad-provisioner': './deep' } },
      exports: { './deep': './index.js' },
    });
    await add({ 'local-file': './local.mjs', 'nomad-provisioner': 'nomad' });
    expect(await registry.provisionerFor('local-file', {})).toBeDefined();
    expect(await registry.provisionerFor('nomad-provisioner', {})).toBeDefined();
  });

  it('records what cannot be found and refuses it when it is needed', async () => {
    await add({ a: 'not-installed', b: './missing.mjs' });
    expect(problems()).toEqual([
      ['b', 'available', undefined],
      ['a', 'failed', 'PROVISIONER_LOAD_FAILED'],
    ]);
    await expect(registry.provisionerFor('a', {})).rejects.toMatchObject({
      message: expect.stringContaining('package not-installed is not installed'),
      coordinates: { package: 'not-installed', setting: 'provisioners.a' },
    });
    await expect(registry.provisionerFor('b', {})).rejects.toMatchObject({ code: 'PROVISIONER_LOAD_FAILED' });
  });

  it('keeps the name of a package that cannot be found from packages that are discovered', async () => {
    await add({ 'nomad-provisioner': 'meant-but-not-installed' });
    await host(['stranger']);
    await install('stranger', { manifest: nomad });
    await discoverProvisioners(registry, { hostPackageJson });
    await expect(registry.provisionerFor('nomad-provisioner', {})).rejects.toThrow(/meant-but-not-installed/);
    expect(problems()).toEqual([
      ['nomad-provisioner', 'failed', 'PROVISIONER_LOAD_FAILED'],
      ['nomad-provisioner', 'failed', 'PROVISIONER_DUPLICATE'],
    ]);
  });
});
