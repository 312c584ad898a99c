import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { settingsPage } from '@gateway-provisioners/docker-engine/kernels';
import { dockerConfigSchema, dockerSettings, effectiveConfig } from './docker-settings.ts';

const page = settingsPage(dockerSettings, {
  provisioner: 'docker-provisioner',
  source: 'packages/provisioner-docker/src/settings',
});
const parse = (config: unknown) => dockerConfigSchema.parse(config);

describe('settings', () => {
  it('are what the reference page says', async () => {
    const path = new URL('../../../../docs/reference/docker-settings.md', import.meta.url);
    if (process.env['UPDATE_DOCS'] === '1') await writeFile(path, page);
    expect(await readFile(path, 'utf8')).toBe(page);
  });

  it('of a kernelspec count before the environment, GP_ before EG_', () => {
    const env = {
      GP_DOCKER_NETWORK: 'net',
      EG_KERNEL_IMAGE: 'old',
      EG_PROHIBITED_UIDS: '0,5',
      GP_MIRROR_WORKING_DIRS: 'True',
    };
    expect(effectiveConfig(parse({ image_name: 'new' }), env)).toMatchObject({
      image_name: 'new',
      docker_network: 'net',
      prohibited_uids: ['0', '5'],
      mirror_working_dirs: true,
    });
    expect(effectiveConfig(parse({}), { ...env, GP_IMAGE_NAME: 'gp' }).image_name).toBe('gp');
  });

  it.each([
    ['memory', '2g', 2 * 1024 ** 3],
    ['memory', '1.5M', 1.5 * 1024 ** 2],
    ['memory', '512mb', 512 * 1024 ** 2],
    ['shm_size', 65_536, 65_536],
    ['cpus', '1.5', 1.5],
    ['pids_limit', '10', 10],
    ['gpus', 'all', { count: 'all' }],
    ['gpus', 2, { count: 2 }],
    ['gpus', '0', undefined],
    ['gpus', 'GPU-1,GPU-2', { deviceIds: ['GPU-1', 'GPU-2'] }],
    [
      'ulimits',
      ['nofile=1:2', 'core=-1'],
      [
        { name: 'nofile', soft: 1, hard: 2 },
        { name: 'core', soft: -1, hard: -1 },
      ],
    ],
    ['devices', ['/dev/a:/dev/b:r'], [{ hostPath: '/dev/a', containerPath: '/dev/b', permissions: 'r' }]],
    ['volumes', ['/a:/b:ro'], [{ type: 'bind', source: '/a', target: '/b', readOnly: true }]],
    ['volumes', ['home-{username}:/b'], [{ type: 'volume', source: 'home-{username}', target: '/b', readOnly: false }]],
  ])('%s: %j', (key, given, read) => {
    expect(Object.entries(parse({ [key]: given })).find(([name]) => name === key)?.[1]).toEqual(read);
  });

  it.each([
    { memory: 'lots' },
    { memory: '-1' },
    { memory: 0 },
    { cpus: 'two' },
    { pids_limit: 0 },
    { gpus: 'all; rm' },
    { ulimits: ['nofile'] },
    { devices: ['dev/a'] },
    { volumes: ['relative/path:/b'] },
    { volumes: ['/a:b'] },
    { volumes: ['../a:/b'] },
    { mounts: [{ type: 'bind', source: 'a', target: '/b' }] },
    { mounts: [{ type: 'bind', source: '/a', target: '/b', readonly: true }] },
    { prohibited_uids: ['root'] },
    { cap_drop: ['all'] },
    { mirror_working_dirs: 'maybe' },
    { port_range: '1..x' },
    { image_pull_policy: 'Always' },
  ])('%j is refused', (config) => {
    expect(dockerConfigSchema.safeParse(config).success).toBe(false);
  });

  it('of any shape are read or refused, never a crash', () => {
    const keys = Object.keys(dockerConfigSchema.shape);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()), (config) => {
        dockerConfigSchema.safeParse(config);
      }),
    );
  });
});
