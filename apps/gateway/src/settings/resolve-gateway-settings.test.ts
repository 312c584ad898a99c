import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import {
  gatewaySettingRows,
  gatewaySettingsPage,
  generateGatewayConfig,
  showGatewayConfig,
} from './describe-gateway-settings.ts';
import { gatewaySettings } from './gateway-settings.ts';
import { resolveGatewaySettings } from './resolve-gateway-settings.ts';

async function withFile<T>(name: string, text: string, work: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-settings-'));
  try {
    await writeFile(join(folder, name), text);
    return await work(join(folder, name));
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('settings', () => {
  test('have defaults that are safe', async () => {
    const { values } = await resolveGatewaySettings();
    expect(values).toMatchObject({ ip: '127.0.0.1', port: 8888, auth: 'token', client_envs: [], list_kernels: true });
    expect(values.token).toBeUndefined();
    expect(values.max_kernels).toBeUndefined();
  });

  test.each([
    { name: 'gateway.json', text: '{"port": 2222, "base_url": "/file"}' },
    { name: 'gateway.yaml', text: 'port: 2222\nbase_url: /file\n' },
    { name: 'gateway.mjs', text: 'export default async () => ({ port: 2222, base_url: "/file" });' },
  ])('come from flag, $name, environment and default, in this order', async ({ name, text }) => {
    await withFile(name, text, async (file) => {
      const env = { EG_PORT: '3333', EG_BASE_URL: '/env', KG_MAX_KERNELS: '7', GP_IP: '::1', EG_IP: '127.0.0.9' };
      const resolved = await resolveGatewaySettings({ flags: { port: '1111' }, file, env });
      expect(resolved.values).toMatchObject({
        port: 1111,
        base_url: '/file',
        max_kernels: 7,
        ip: '::1',
        auth: 'token',
      });
      const origins = resolved.origins;
      expect(
        [origins.port, origins.base_url, origins.max_kernels, origins.ip, origins.auth].map((o) => o.source),
      ).toEqual(['--port', file, 'KG_MAX_KERNELS', 'GP_IP', 'default']);
    });
  });

  test('report every problem at once, with value and source, and never a secret', async () => {
    const env = {
      EG_PORT: '99999',
      EG_CULL_BUSY: 'perhaps',
      EG_AUTH_TOKEN: 'top secret',
      GP_MAX_MESSAGE_SIZE: '5 parsecs',
    };
    const failure = await resolveGatewaySettings({ env, flags: { auth: 'password' } }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'INVALID_CONFIG' });
    const { message } = failure as Error;
    for (const part of ['port', '99999', 'EG_PORT', 'cull_busy', 'perhaps', 'auth', '--auth', 'max_message_size']) {
      expect(message).toContain(part);
    }
    expect(message).not.toContain('top secret');
    await expect(resolveGatewaySettings({ env: { EG_AUTH_TOKEN: 'top secret' } })).rejects.toThrow(
      /token: must not contain/,
    );
  });

  test.each([
    { flags: { certfile: 'a.pem' }, message: /keyfile: needed together/ },
    { flags: { 'client-ca': 'a.pem' }, message: /certfile: needed together/ },
    { flags: { 'base-url': '/a b' }, message: /base_url/ },
    { flags: { auth: 'none', token: 'x' }, message: /token: has no effect/ },
    { flags: { 'default-user': 'a/b' }, message: /default_user/ },
    { flags: { 'launcher-url': 'https://gateway/prefix' }, message: /launcher_url: .*without a path/ },
  ])('$flags does not fit together', async ({ flags, message }) => {
    await expect(resolveGatewaySettings({ flags })).rejects.toThrow(message);
  });

  test.each(['0.0.0.0', '::', '192.168.1.1', 'gateway.example'])(
    'refuse to be without authentication on %s',
    async (ip) => {
      await expect(resolveGatewaySettings({ flags: { ip, auth: 'none' } })).rejects.toMatchObject({
        code: 'INSECURE_CONFIGURATION',
        message: expect.stringContaining(ip),
      });
      await expect(resolveGatewaySettings({ flags: { ip } })).resolves.toBeDefined();
    },
  );

  test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('may be without authentication on %s', async (ip) => {
    await expect(resolveGatewaySettings({ flags: { ip, auth: 'none' } })).resolves.toBeDefined();
  });

  test.each([
    ['no such file', 'missing.json', undefined],
    ['broken JSON', 'a.json', '{"port": '],
    ['broken YAML', 'a.yaml', 'a: [1'],
    ['an unknown extension', 'a.ini', 'port=1'],
    ['a list', 'a.json', '[1]'],
    ['a misspelt name', 'a.json', '{"prot": 1}'],
  ])('from a file with %s are refused, naming the file', async (_what, name, text) => {
    const check = (file: string) =>
      expect(resolveGatewaySettings({ file })).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        message: expect.stringContaining(name),
      });
    if (text === undefined) await check(`/nonexistent/${name}`);
    else await withFile(name, text, check);
  });

  test('from a file for Enterprise Gateway are refused, each with what to do', async () => {
    const text = `
auth_token: t
remote_hosts: a,b
yarn_endpoint: http://rm
EnterpriseGatewayApp: { port: 1 }
max_kernel: 3
`;
    const error = await withFile('a.yaml', text, (file) =>
      resolveGatewaySettings({ file }).catch((failure: unknown) => failure),
    );
    const { message } = error as Error;
    expect(message).toMatch(/auth_token: .*its name here is token/);
    expect(message).toMatch(/remote_hosts: .*set the variable GP_REMOTE_HOSTS/);
    expect(message).toMatch(/yarn_endpoint: .*YARN/);
    expect(message).toMatch(/EnterpriseGatewayApp: .*no sections/);
    expect(message).toMatch(/max_kernel: .*did you mean "max_kernels"/);
    await withFile('jupyter_enterprise_gateway_config.py', 'c = get_config()', (file) =>
      expect(resolveGatewaySettings({ file })).rejects.toThrow(/a file in Python is not read: .*--generate-config/),
    );
  });

  test('take sizes with units, lists with commas and maps as JSON', async () => {
    const { values } = await resolveGatewaySettings({
      flags: { 'max-message-size': '1.5GiB', 'client-envs': 'A, B,', provisioners: '{"x-provisioner":"pkg"}' },
    });
    expect(values.max_message_size).toBe(1.5 * 1024 ** 3);
    expect(values.client_envs).toEqual(['A', 'B']);
    expect(values.provisioners).toEqual({ 'x-provisioner': 'pkg' });
    await expect(resolveGatewaySettings({ flags: { provisioners: '[1' } })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    });
  });
});

describe('descriptions', () => {
  test('of flags and variables never clash', () => {
    const rows = gatewaySettingRows();
    expect(rows).toHaveLength(Object.keys(gatewaySettings).length);
    for (const list of [rows.map((row) => row.flag), rows.flatMap((row) => row.env)]) {
      expect(new Set(list).size).toBe(list.length);
    }
    for (const row of rows) expect(row.flag).toBe(`--${row.key.replaceAll('_', '-')}`);
    expect(rows.filter((row) => row.isSwitch).map((row) => row.key)).toContain('list_kernels');
  });

  test('make a file that changes nothing as it is, and everything when it is uncommented', async () => {
    const text = generateGatewayConfig();
    await withFile('gateway.yaml', text, async (file) => {
      expect((await resolveGatewaySettings({ file })).values).toEqual((await resolveGatewaySettings()).values);
    });
    const uncommented = text.replace(/^#(\w+:)/gm, '$1');
    expect(Object.keys(parse(uncommented) as object).sort()).toEqual(Object.keys(gatewaySettings).sort());
  });

  test('show every value with its source, but no secret', async () => {
    const resolved = await resolveGatewaySettings({ flags: { token: 'secret-token' }, env: { EG_PORT: '9' } });
    const text = showGatewayConfig(resolved);
    expect(text).toContain('port: 9  # EG_PORT\n');
    expect(text).toContain('token: "********"  # --token\n');
    expect(text).not.toContain('secret-token');
    expect(Object.keys(parse(text) as object).sort()).toEqual(Object.keys(gatewaySettings).sort());
  });

  test('are what the reference page says', async () => {
    const path = new URL('../../../../docs/reference/gateway-settings.md', import.meta.url);
    if (process.env['UPDATE_DOCS'] === '1') await writeFile(path, gatewaySettingsPage());
    const page = await readFile(path, 'utf8');
    expect(page).toBe(gatewaySettingsPage());
  });
});
