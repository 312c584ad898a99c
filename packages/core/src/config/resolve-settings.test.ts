import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { ConfigError, ProvisionerError } from '../errors.ts';
import { resolveSettings } from './resolve-settings.ts';
import type { SettingSources } from './resolve-settings.ts';
import { booleanSetting, listSetting, settingSchema } from './setting-schemas.ts';
import type { SettingSchema } from './setting-schemas.ts';
import { defineSettings, describeSettings } from './settings.ts';

const settings = defineSettings({
  port: {
    schema: z.coerce.number().int().min(0).max(65_535),
    default: 8888,
    env: ['GP_PORT', 'EG_PORT', 'KG_PORT'],
    flag: 'port',
    description: 'Port to listen on.',
    group: 'Server',
  },
  baseUrl: {
    schema: z.string().startsWith('/'),
    default: '/',
    env: ['GP_BASE_URL'],
    flag: 'base-url',
    description: 'Prefix.',
  },
  token: {
    schema: z.string().min(8).optional(),
    env: ['GP_AUTH_TOKEN'],
    flag: 'token',
    secret: true,
    description: 'Token.',
  },
  'culling.connected': { schema: booleanSetting(), default: false, env: ['GP_CULL_CONNECTED'], description: 'Cull.' },
  inheritedEnv: { schema: listSetting(), default: [], env: ['GP_INHERITED_ENVS'], description: 'Names.' },
});

const resolve = (sources: SettingSources) => resolveSettings(settings, sources);

function problemsOf(sources: SettingSources): ConfigError['problems'] {
  try {
    resolve(sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('resolved without a problem');
}

describe('resolveSettings', () => {
  it('uses defaults and says so', () => {
    const { values, origins } = resolve({});
    const port: number = values.port;
    const token: string | undefined = values.token;
    expect({ port, token, connected: values['culling.connected'] }).toEqual({
      port: 8888,
      token: undefined,
      connected: false,
    });
    expect(origins.port).toEqual({ kind: 'default', source: 'default' });
  });

  it('prefers a flag to the file, the file to a variable, a variable to the default', () => {
    const env = { EG_PORT: '1' };
    const file = { path: '/etc/gp.json', values: { port: 2 } };
    const flags = { port: '3' };
    expect(resolve({ env }).values.port).toBe(1);
    expect(resolve({ env }).origins.port).toEqual({ kind: 'env', source: 'EG_PORT' });
    expect(resolve({ env, file }).values.port).toBe(2);
    expect(resolve({ env, file }).origins.port).toEqual({ kind: 'file', source: '/etc/gp.json' });
    expect(resolve({ env, file, flags }).values.port).toBe(3);
    expect(resolve({ env, file, flags }).origins.port).toEqual({ kind: 'flag', source: '--port' });
  });

  it('prefers our variable to its aliases and passes over empty ones', () => {
    expect(resolve({ env: { KG_PORT: '3', EG_PORT: '2', GP_PORT: '1' } }).values.port).toBe(1);
    expect(resolve({ env: { KG_PORT: '3', EG_PORT: '', GP_PORT: '' } }).values.port).toBe(3);
  });

  it('takes flags in the camel case of command-line parsers', () => {
    expect(resolve({ flags: { baseUrl: '/a' } }).values.baseUrl).toBe('/a');
    expect(resolve({ flags: { 'base-url': '/b' } }).values.baseUrl).toBe('/b');
  });

  it('reads dotted keys as nesting', () => {
    expect(resolve({ file: { path: 'f', values: { culling: { connected: true } } } }).values['culling.connected']).toBe(
      true,
    );
    expect(resolve({ file: { path: 'f', values: { 'culling.connected': 'yes' } } }).values['culling.connected']).toBe(
      true,
    );
  });

  it('reports every problem at once, with key, value and source', () => {
    const problems = problemsOf({
      flags: { 'base-url': 'x' },
      env: { EG_PORT: 'eighty', GP_CULL_CONNECTED: 'maybe' },
      file: { path: '/etc/gp.json', values: { prot: 1, culling: { conected: true }, inheritedEnv: 7 } },
    });
    expect(problems.map(({ key, source, value }) => ({ key, source, value }))).toEqual([
      { key: 'prot', source: '/etc/gp.json', value: undefined },
      { key: 'culling.conected', source: '/etc/gp.json', value: undefined },
      { key: 'port', source: 'EG_PORT', value: '"eighty"' },
      { key: 'baseUrl', source: '--base-url', value: '"x"' },
      { key: 'culling.connected', source: 'GP_CULL_CONNECTED', value: '"maybe"' },
      { key: 'inheritedEnv', source: '/etc/gp.json', value: '7' },
    ]);
    expect(problems[0]?.message).toBe('no such setting; did you mean "port"?');
    expect(problems[1]?.message).toBe('no such setting; did you mean "culling.connected"?');
  });

  it('never shows the value of a secret, even when its schema quotes it', () => {
    const quoting = defineSettings({
      token: {
        schema: z.string().refine(() => false, { error: ({ input }) => `bad token ${String(input)}` }),
        env: ['T'],
        secret: true,
        description: 'Token.',
      },
    });
    expect(problemsOf({ env: { GP_AUTH_TOKEN: 'hunter2' } })).toEqual([
      { key: 'token', source: 'GP_AUTH_TOKEN', message: expect.any(String) },
    ]);
    expect(() => resolveSettings(quoting, { env: { T: 'hunter2' } })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it('says how to set what is required', () => {
    const required = defineSettings({ url: { schema: z.string(), env: ['A', 'B'], flag: 'url', description: 'Url.' } });
    expect(() => resolveSettings(required)).toThrow(/url: required: set --url or A or B or "url" in a file/);
  });

  it('refuses a file that is not an object, and an empty one is no file', () => {
    expect(problemsOf({ file: { path: 'f', values: [1] } })).toEqual([
      { key: '(all)', source: 'f', message: 'expected an object of settings' },
    ]);
    expect(resolve({ file: { path: 'f', values: null } }).values.port).toBe(8888);
  });

  it('has nothing to do with keys of the prototype', () => {
    const values: unknown = JSON.parse('{"__proto__": {"port": 1}, "constructor": 1}');
    expect(problemsOf({ file: { path: 'f', values } }).map(({ key }) => key)).toEqual(['__proto__', 'constructor']);
  });

  it('survives any file', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (values) => {
        try {
          resolve({ file: { path: 'f', values } });
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
    );
  });
});

describe('setting schemas', () => {
  const read = (schema: SettingSchema<unknown>, value: unknown) => schema['~standard'].validate(value);

  it.each(['true', 'TRUE', ' 1 ', 'yes', 'On', true, 1])('reads %j as true', (value) => {
    expect(read(booleanSetting(), value)).toEqual({ value: true });
  });
  it.each(['false', '0', 'NO', 'off', false, 0])('reads %j as false', (value) => {
    expect(read(booleanSetting(), value)).toEqual({ value: false });
  });
  it.each(['', 'truthy', null, {}, 2])('refuses %j as a boolean', (value) => {
    expect(read(booleanSetting(), value)).toEqual({ issues: [{ message: 'expected true or false' }] });
  });
  it('reads lists of both forms', () => {
    expect(read(listSetting(), ' a,b ,,c ')).toEqual({ value: ['a', 'b', 'c'] });
    expect(read(listSetting(), ['a ', 'b'])).toEqual({ value: ['a', 'b'] });
    expect(read(listSetting(), [1])).toMatchObject({ issues: [{}] });
  });
  it('makes of a list what it is told to, or says why not', () => {
    const numbers = listSetting((items) => {
      if (items.some((item) => !/^\d+$/.test(item))) throw new ProvisionerError('INVALID_ARGUMENT', 'digits only');
      return items.map(Number);
    });
    expect(read(numbers, '1, 2')).toEqual({ value: [1, 2] });
    expect(read(numbers, '1, b')).toEqual({ issues: [{ message: 'digits only' }] });
  });
  it('leaves defects of a schema visible', () => {
    const broken = settingSchema(() => {
      throw new TypeError('a defect');
    });
    expect(() => read(broken, 1)).toThrow('a defect');
  });
});

describe('describeSettings', () => {
  it('gives a row per setting', () => {
    expect(describeSettings(settings)[0]).toEqual({
      key: 'port',
      flag: '--port',
      env: ['GP_PORT', 'EG_PORT', 'KG_PORT'],
      default: '8888',
      description: 'Port to listen on.',
      group: 'Server',
      secret: false,
    });
  });
});
