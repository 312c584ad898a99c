import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fakeKernelSpec } from '@gateway-provisioners/testkit';
import type { GatewaySettings } from '../settings/gateway-settings.ts';
import { recordingLogger } from '../testing/test-gateway.ts';
import { startGateway } from './start-gateway.ts';
import type { RunningGateway } from './start-gateway.ts';

let folder: string;
let logger: ReturnType<typeof recordingLogger>;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'gateway-plug-ins-')));
  logger = recordingLogger();
  const { argv, displayName, language, metadata } = fakeKernelSpec();
  await put('specs/fake/kernel.json', { argv, display_name: displayName, language, metadata });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(path: string, content: string | object): Promise<void> {
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, typeof content === 'string' ? content : JSON.stringify(content));
}

async function putSpec(provisioner: string): Promise<void> {
  const metadata = { kernel_provisioner: { provisioner_name: provisioner } };
  await put(`specs/${provisioner}/kernel.json`, { argv: ['x'], display_name: provisioner, language: 'none', metadata });
}

/** What a stranger's build leaves: nothing of this project is imported. */
const plugIn = (name: string, fields: string) => `export default {
  name: '${name}',
  apiVersion: 1,
  configSchema: { '~standard': { version: 1, vendor: 'none', validate: (value) => ({ value }) } },
  [Symbol.for('gateway-provisioners.provisioner.v1')]: true,
  createChecked: () => { throw new Error('${name} was run') },
  ${fields}
};`;

async function start(settings: Partial<GatewaySettings>): Promise<RunningGateway> {
  return await startGateway(
    {
      port: 0,
      state_dir: join(folder, 'state'),
      kernelspec_path: [join(folder, 'specs')],
      default_kernel_name: 'fake',
      ...settings,
    },
    { env: { PATH: process.env['PATH'], HOME: folder }, cwd: folder, logger },
  );
}

async function call(gateway: RunningGateway, line: string, body?: object): Promise<Response> {
  const [method = '', path = ''] = line.split(' ');
  const headers = { authorization: `token ${gateway.token ?? ''}` };
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  return await fetch(gateway.url + path, { method, headers, ...text });
}

/** The code of the error that refuses a kernel; undefined when it was started. */
async function refusalOf(gateway: RunningGateway, name: string): Promise<string | undefined> {
  const response = await call(gateway, 'POST api/kernels', { name });
  const { code } = (await response.json()) as { readonly code?: string };
  expect(response.status).toBe(code === undefined ? 201 : 500);
  return code;
}

/** Which provisioners the log says were refused. */
const refused = (): readonly unknown[] =>
  logger.lines.filter(({ message }) => message === 'provisioner refused').map(({ fields }) => fields['provisioner']);

describe('a gateway with bad plug-ins', () => {
  test('starts, tells of each once, and starts the kernels that do not need them', async () => {
    const bad = {
      'absent-provisioner': 'not-installed',
      'crashing-provisioner': './crashing.mjs',
      'old-provisioner': './old.mjs',
      'schemaless-provisioner': './schemaless.mjs',
      'uncreated-provisioner': './uncreated.mjs',
    };
    await put('crashing.mjs', "throw new Error('at its import');");
    await put('old.mjs', plugIn('old-provisioner', 'apiVersion: 0'));
    await put('schemaless.mjs', plugIn('schemaless-provisioner', 'configSchema: {}'));
    await put('uncreated.mjs', plugIn('uncreated-provisioner', 'createChecked: () => null'));
    await Promise.all(Object.keys(bad).map(putSpec));
    await using gateway = await start({ provisioners: bad });
    const response = await call(gateway, 'GET api/kernelspecs');
    expect(response.status).toBe(200);
    const { kernelspecs } = (await response.json()) as { readonly kernelspecs: object };
    expect(Object.keys(kernelspecs).sort()).toEqual([...Object.keys(bad), 'fake'].sort());
    await gateway.recovered;
    expect(await refusalOf(gateway, 'absent-provisioner')).toBe('PROVISIONER_LOAD_FAILED');
    expect(await refusalOf(gateway, 'crashing-provisioner')).toBe('PROVISIONER_LOAD_FAILED');
    expect(await refusalOf(gateway, 'old-provisioner')).toBe('PROVISIONER_API_MISMATCH');
    expect(await refusalOf(gateway, 'schemaless-provisioner')).toBe('PROVISIONER_SCHEMA_INVALID');
    expect(await refusalOf(gateway, 'uncreated-provisioner')).toBe('PROVISIONER_CREATE_FAILED');
    expect(await refusalOf(gateway, 'fake')).toBeUndefined();
    // One whose settings decide whether it can be created is told of where it is needed, with the same words.
    const unloadable = Object.keys(bad).filter((name) => name !== 'uncreated-provisioner');
    expect([...refused()].sort()).toEqual(unloadable.sort());
    expect(logger.lines.filter(({ message }) => message === 'a backend could not be searched')).toHaveLength(5);
    const text = JSON.stringify(logger.lines);
    for (const [name, place] of Object.entries(bad)) {
      expect(text).toContain(`setting=provisioners.${name}]`);
      expect(text).toContain(place);
    }
  });
});

describe('discovery', () => {
  beforeEach(async () => {
    const names = ['@acme/one', '@acme/two', 'stranger'];
    for (const name of names) {
      const provisioner = `${name.replace('@acme/', '')}-provisioner`;
      const manifest = { provisioners: { [provisioner]: '.' } };
      const json = { name, version: '1.0.0', type: 'module', exports: './index.js', gatewayProvisioners: manifest };
      await put(`node_modules/${name}/package.json`, json);
      await put(`node_modules/${name}/index.js`, plugIn(provisioner, ''));
      await putSpec(provisioner);
    }
    await put('package.json', { dependencies: Object.fromEntries(names.map((name) => [name, '*'])) });
  });

  const FOUND = 'PROVISIONER_CREATE_FAILED';
  const NOT_FOUND = 'PROVISIONER_NOT_FOUND';
  test.each<[string, Partial<GatewaySettings>, readonly string[]]>([
    ['is off unless it is turned on', { discover_allow: ['*'] }, [NOT_FOUND, NOT_FOUND, NOT_FOUND]],
    ['takes all dependencies when nothing is said', { discover_provisioners: true }, [FOUND, FOUND, FOUND]],
    [
      'takes what is allowed and not denied',
      { discover_provisioners: true, discover_allow: ['@acme/*'], discover_deny: ['*/two', 'stranger'] },
      [FOUND, NOT_FOUND, NOT_FOUND],
    ],
    [
      'takes nothing that is denied, whatever is allowed',
      { discover_provisioners: true, discover_allow: ['stranger', '*'], discover_deny: ['*'] },
      [NOT_FOUND, NOT_FOUND, NOT_FOUND],
    ],
  ])('%s', async (_, settings, codes) => {
    await using gateway = await start(settings);
    const names = ['one-provisioner', 'two-provisioner', 'stranger-provisioner'];
    expect(await Promise.all(names.map((name) => refusalOf(gateway, name)))).toEqual(codes);
    const text = JSON.stringify(logger.lines);
    for (const [index, name] of names.entries()) expect(text.includes(`${name} was run`)).toBe(codes[index] === FOUND);
  });
});
