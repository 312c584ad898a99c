import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { settingsPage } from '@gateway-provisioners/docker-engine/kernels';
import fc from 'fast-check';
import { z } from 'zod';
import { effectiveConfig, swarmConfigSchema, swarmSettings } from './swarm-settings.ts';
import { parseUserOptions } from './user-options.ts';

const page = settingsPage(swarmSettings, {
  provisioner: 'docker-swarm-provisioner',
  source: 'packages/provisioner-swarm/src/settings',
});
const parse = (config: unknown) => swarmConfigSchema.parse(config);

async function jsonOf(guide: string): Promise<readonly unknown[]> {
  const text = await readFile(new URL(`../../../../docs/guides/${guide}.md`, import.meta.url), 'utf8');
  return [...text.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']): unknown => JSON.parse(json));
}

describe('settings', () => {
  it('are what the reference page says', async () => {
    const path = new URL('../../../../docs/reference/swarm-settings.md', import.meta.url);
    if (process.env['UPDATE_DOCS'] === '1') await writeFile(path, page);
    expect(await readFile(path, 'utf8')).toBe(page);
  });

  it('of a kernelspec count before the environment, where what has parts is JSON', () => {
    const env = {
      GP_DOCKER_NETWORK: 'old',
      GP_SWARM_NETWORKS: 'a, b',
      GP_SWARM_IMAGES: '[{"image": "i", "name": "n"}]',
      GP_SWARM_PLACEMENT: '{"constraints": ["node.role==worker"]}',
      GP_SWARM_LOG_DRIVER: 'journald',
      GP_SWARM_USE_USER_OPTIONS: 'True',
    };
    expect(effectiveConfig(parse({ networks: 'mine' }), env)).toMatchObject({
      networks: ['mine'],
      docker_network: 'old',
      images: [{ image: 'i', name: 'n' }],
      placement: { constraints: ['node.role==worker'] },
      log_driver: { name: 'journald', options: {} },
      use_user_options: true,
    });
    expect(() => effectiveConfig(parse({}), { ...env, GP_SWARM_IMAGES: '[{' })).toThrow(/GP_SWARM_IMAGES/);
  });

  it.each([
    ['resource_spec', { cpu_limit: 1_500_000_000, mem_limit: 512e6 }, { cpu_limit: 1.5, mem_limit: 512e6 }],
    ['resource_spec', { cpu_limit: 0.5, mem_limit: '1g' }, { cpu_limit: 0.5, mem_limit: 1024 ** 3 }],
    ['placement', { preferences: [['spread', 'node.labels.x']] }, { preferences: ['node.labels.x'] }],
    ['container_spec', { args: '/usr/local/bin/start.sh --x' }, { args: ['/usr/local/bin/start.sh', '--x'] }],
    ['container_spec', { env: { A: 1, B: true } }, { env: { A: '1', B: 'true' } }],
    ['ulimits', ['nofile=1024:2048'], [{ name: 'nofile', soft: 1024, hard: 2048 }]],
    ['ulimits', '["core=0"]', [{ name: 'core', soft: 0, hard: 0 }]],
    ['container_spec', { uid_gid: 1000 }, { uid_gid: '1000' }],
    [
      'container_spec',
      { configs: ['c', { config_name: 'd', filename: '/d', mode: 0o440 }] },
      { configs: [{ name: 'c' }, { name: 'd', target: '/d', mode: 0o440 }] },
    ],
  ])('%s: %j', (key, given, read) => {
    expect(Object.entries(parse({ [key]: given })).find(([name]) => name === key)?.[1]).toEqual(read);
  });

  it.each([
    { images: [] },
    { images: [{ name: 'no image' }] },
    { images: [{ image: 'i', acess: ['a'] }] },
    { mounts: [{ type: 'bind', source: 'relative', target: '/x' }] },
    { mounts: [{ type: 'bind', source: '/x' }] },
    { mounts: [{ type: '', source: '/x', target: '/x' }] },
    { mounts: [{ type: 'volume', source: 'v', target: '' }] },
    { mounts: [{ type: 'volume', source: 'v', target: '/x', labels: ['autoremove'] }] },
    { mounts: [{ type: 'volume', source: 'v', target: '/x', driver_config: { options: {} } }] },
    { mounts: [{ type: 'volume', source: 'v', target: '/x', read_only: 'maybe' }] },
    { container_spec: { uid_gid: 'root' } },
    { container_spec: { args: "sh -c 'x y'" } },
    { container_spec: { configs: [{ filename: '/x' }] } },
    { placement: { constraints: ['hostname=worker'] } },
    { resource_spec: { cpu_limit: 'two' } },
    { resource_spec: { mem: '1g' } },
    { ulimits: ['nofile'] },
    { service_prefix: '-x' },
    { service_prefix: 'much-too-long-a-prefix' },
    { endpoint_mode: 'dns' },
    { user_options_policy: { keys: ['everything'] } },
  ])('%j is refused', (config) => {
    expect(swarmConfigSchema.safeParse(config).success).toBe(false);
  });

  it('and options of requests are read as the guides write them', async () => {
    const spawner = await jsonOf('from-swarmspawner');
    const [kernelspec, options] = await jsonOf('swarm');
    expect(swarmConfigSchema.strict().safeParse(spawner[0]).error).toBeUndefined();
    const { config } = z
      .object({ metadata: z.object({ kernel_provisioner: z.object({ config: z.record(z.string(), z.unknown()) }) }) })
      .transform(({ metadata }) => metadata.kernel_provisioner)
      .parse(kernelspec);
    const { launch_timeout: ofAll, ...own } = config;
    expect(ofAll).toBe(300);
    expect(swarmConfigSchema.strict().safeParse(own).error).toBeUndefined();
    expect(parseUserOptions({ KERNEL_USER_OPTIONS: JSON.stringify(options) })).toMatchObject({ container_spec: {} });
  });

  it('and options of requests, of any shape, are read or refused, never a crash', () => {
    const keys = Object.keys(swarmConfigSchema.shape);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()), (config) => {
        swarmConfigSchema.safeParse(config);
      }),
    );
    const options = fc.dictionary(
      fc.constantFrom('container_spec', 'resource_spec', 'placement', 'networks', 'name', 'user_selected_image'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          options.map((value) => JSON.stringify(value)),
        ),
        (text) => {
          try {
            parseUserOptions({ KERNEL_USER_OPTIONS: text });
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_ENV' });
          }
        },
      ),
    );
  });
});
