import { readFile, readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { gatewaySettings } from './gateway-settings.ts';
import { unusedSettings, variablesOfBackends } from './known-variables.ts';
import { unusedVariables } from './unused-variables.ts';

const packages = fileURLToPath(new URL('../../../../packages', import.meta.url));
// Programs of their own, which the gateway's environment does not concern.
const programs = ['installer', 'launchers', 'testkit'];

/** The variables that definitions of settings name: `env: ['GP_X', 'EG_X']`. */
async function variablesInSources(): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const name of await readdir(packages)) {
    if (programs.includes(name)) continue;
    const folder = join(packages, name, 'src');
    for (const file of await readdir(folder, { recursive: true })) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file.split(sep).includes('testing')) continue;
      const text = (await readFile(join(folder, file), 'utf8')).replace(/^\s*\*.*$/gm, '');
      for (const [, list = ''] of text.matchAll(/\benv: \[([^\]]*)\]/g)) {
        for (const [, variable = ''] of list.matchAll(/'((?:GP|EG|KG)_\w+)'/g)) found.add(variable);
      }
    }
  }
  return found;
}

const variablesOfGateway = new Set(Object.values(gatewaySettings).flatMap(({ env }) => env ?? []));
const environment = (names: Iterable<string>) => Object.fromEntries([...names].map((name) => [name, 'x']));

describe('the table of variables', () => {
  test('lists exactly what the packages read', async () => {
    const found = await variablesInSources();
    expect(found.size).toBeGreaterThan(80);
    expect([...variablesOfBackends].sort()).toEqual([...found].filter((name) => !variablesOfGateway.has(name)).sort());
  });

  test('calls nothing unused that is read, and nothing twice', () => {
    const names = unusedSettings.flatMap((each) => each.names);
    expect(new Set(names).size).toBe(names.length);
    const read = [...variablesOfGateway, ...variablesOfBackends];
    expect(names.filter((name) => read.some((each) => each.slice(3) === name))).toEqual([]);
  });
});

describe('variables without effect', () => {
  test('are none of those that are read, by the gateway or by what comes with it', async () => {
    const env = environment([...variablesOfGateway, ...(await variablesInSources())]);
    expect(unusedVariables(env)).toEqual({ variables: [], advice: [] });
  });

  test('are named with what to do, and never with their values', () => {
    const env = {
      PATH: '/bin',
      KERNEL_USERNAME: 'ada',
      EG_PORT: '8888',
      EG_YARN_ENDPOINT: 'http://secret',
      EG_ALT_YARN_ENDPOINT: 'http://secret',
      GP_YARN_ENDPOINT: 'http://secret',
      EG_DYNAMIC_CONFIG_INTERVAL: '30',
      KG_SEED_URI: 'secret.ipynb',
      EG_CULL_IDEL_TIMEOUT: 'secret',
      GP_SOMETHING_QUITE_DIFFERENT: 'secret',
    };
    const found = unusedVariables(env);
    expect(found.variables).toEqual(Object.keys(env).slice(3).sort());
    expect(found.advice).toEqual([
      'EG_ALT_YARN_ENDPOINT, EG_YARN_ENDPOINT, GP_YARN_ENDPOINT: kernels on YARN are not there yet',
      expect.stringMatching(/^EG_CULL_IDEL_TIMEOUT: no such variable; did you mean "EG_CULL_IDLE_TIMEOUT"/),
      expect.stringMatching(/^EG_DYNAMIC_CONFIG_INTERVAL: .*kernels_on_stop keep/),
      'GP_SOMETHING_QUITE_DIFFERENT: no such variable',
      expect.stringMatching(/^KG_SEED_URI: .*Kernel Gateway/),
    ]);
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test('are neither empty nor passed on to kernels', () => {
    const env = { EG_NAMESPACE: '', EG_MIN_PORT_RANGE_SIZE: '100', EG_: 'x', EGG_X: 'x', MY_EG_X: 'x' };
    expect(unusedVariables(env, ['EG_MIN_PORT_RANGE_SIZE']).variables).toEqual([]);
    expect(unusedVariables(env).variables).toEqual(['EG_MIN_PORT_RANGE_SIZE']);
  });
});
