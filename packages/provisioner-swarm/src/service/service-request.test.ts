import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { swarmConfigSchema } from '../settings/swarm-settings.ts';
import { kernelId, requestOf } from '../testing/contexts.ts';
import { imagesFor } from './choose-entry.ts';
import { ownerDigest } from './service-name.ts';

const digest = ownerDigest('alice');
const chosen = (given: object) => ({ env: { KERNEL_USER_OPTIONS: JSON.stringify(given) } });
const refusal = (code: string, words: RegExp) => ({ code, message: expect.stringMatching(words) });

describe('the service of a kernel', () => {
  it('has names, labels and variables of Gateway Provisioners, and safe defaults', async () => {
    const { spec, secret, volumes, network } = await requestOf(
      {},
      { env: { KERNEL_GID: '7', A: '$(x) {{.Node.ID}}\n' } },
    );
    const name = `jupyter-${digest}-${kernelId}`;
    expect(spec).toMatchObject({
      name,
      hostname: name,
      image: 'img',
      user: '1000:7',
      networks: ['net'],
      endpointMode: 'dnsrr',
      restart: { condition: 'none' },
      init: true,
      capDrop: ['ALL'],
      resources: { pidsLimit: 4096 },
      labels: { kernel_id: kernelId, component: 'kernel', app: 'gateway-provisioners' },
      secrets: [{ name: `${name}-v2`, uid: 1000, gid: 7, mode: 0o400 }],
    });
    expect(spec.containerLabels).toEqual(spec.labels);
    expect(spec.env).toMatchObject({
      A: '$(x) {{"{{"}}.Node.ID}}\n',
      KERNEL_ID: kernelId,
      GP_DOCKER_MODE: 'swarm',
      GP_DOCKER_NETWORK: 'net',
      RESPONSE_ADDRESS: '10.0.0.1:8877',
      GP_LAUNCHER_V2: '/run/secrets/gateway-provisioners-launcher-v2',
    });
    expect(JSON.stringify(spec)).not.toContain('SECRET"');
    expect({ secret, volumes, network }).toEqual({
      secret: { name: `${name}-v2`, content: 'SECRET' },
      volumes: [],
      network: 'net',
    });
  });

  it('what an entry of images says counts before the settings; variables are added', async () => {
    const common = {
      placement: { constraints: ['node.role==worker'] },
      resource_spec: { cpu_limit: 1, mem_limit: '1g' },
      log_driver: 'none',
      container_spec: {
        env: { A: 'global', B: 'global' },
        args: ['x'],
        mounts: [{ type: 'tmpfs', target: '/g' }],
        user: '5:6',
      },
    };
    const entry = {
      image: 'of-entry',
      env: { B: '{kernel_name}' },
      args: ['start', '{kernel_id}', '{response_address}', '{other}'],
      command: ['/entry'],
      mounts: [{ type: 'tmpfs', target: '/i' }],
      uid_gid: '{uid}',
      workdir: '/w/{username}',
      placement: { preferences: ['spread=node.labels.rack'] },
      resource_spec: { cpu_limit: 2 },
      networks: ['other', 'net'],
      endpoint_spec: { mode: 'vip' },
      log_driver: { name: 'journald', options: { tag: 't' } },
    };
    const settings = { ...common, image_name: undefined, images: [entry], user_data: { alice: { uid: '77' } } };
    const { spec } = await requestOf(settings, { env: { A: 'request' } });
    expect(spec).toMatchObject({
      image: 'of-entry',
      command: ['start', kernelId, '10.0.0.1:8877', '{other}'],
      entrypoint: ['/entry'],
      mounts: [{ target: '/i' }],
      user: '77:100',
      workingDir: '/w/alice',
      preferences: ['spread=node.labels.rack'],
      resources: { cpuLimit: 2, memoryLimitBytes: 1024 ** 3 },
      networks: ['other', 'net'],
      endpointMode: 'vip',
      logDriver: 'journald',
      logOptions: { tag: 't' },
      env: { A: 'global', B: 'swarm_python' },
    });
    expect(spec.constraints).toBeUndefined();
    expect((await requestOf({ ...common })).spec).toMatchObject({ user: '5:6', env: { B: 'global' } });
  });

  it.each([
    { container_spec: { uid_gid: '0' } },
    { container_spec: { uid_gid: '00:5' } },
    { container_spec: { user: 'root' } },
    { container_spec: { user: 'root:users' } },
    { container_spec: { uid_gid: '5:0' } },
    { container_spec: { uid_gid: '{uid}' }, user_data: { alice: { uid: '0' } } },
  ])('never runs as a prohibited user: %j', async (config) => {
    await expect(requestOf(config)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('a user known by name to the image can read the launcher’s secret', async () => {
    const { spec } = await requestOf({ container_spec: { user: 'jovyan' } });
    expect(spec).toMatchObject({ user: 'jovyan', secrets: [{ mode: 0o444 }] });
  });

  it('a nameless volume with a driver has a name by which it is removed', async () => {
    const mounts = [{ type: 'volume', target: '/d', driver_config: { name: 'local', options: { o: 'size=1' } } }];
    const { spec, volumes } = await requestOf({ mounts });
    expect(volumes).toEqual([`${spec.name}-0`]);
    expect(spec.mounts).toMatchObject([{ source: `${spec.name}-0`, labels: { autoremove: 'True' } }]);
  });

  it('data of users come from a file, too, which no message shows', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gp-swarm-'));
    try {
      const user_data_file = join(folder, 'users.json');
      await writeFile(user_data_file, '{"alice": {"where": "there"}, "bob": {"where": "elsewhere"}}');
      const settings = { user_data_file, user_data: { alice: { where: 'here', username: 'bob' } } };
      const mounts = [{ type: 'volume', source: '{where}-{username}', target: '/d' }];
      expect((await requestOf({ ...settings, mounts })).spec.mounts).toMatchObject([{ source: 'there-alice' }]);
      await writeFile(user_data_file, '{"alice": "s3cret"}');
      await expect(requestOf(settings)).rejects.toMatchObject(refusal('INVALID_CONFIG', /^(?!.*s3cret).*users\.json/));
      await expect(requestOf({ user_data_file: join(folder, 'none') })).rejects.toMatchObject(
        refusal('INVALID_CONFIG', /none.*ENOENT/),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('images', () => {
  const images = [
    { image: 'a:1', name: 'Plain' },
    { image: 'b:1', name: 'Special', access: ['alice', 'admin'] },
    { image: 'b:1', name: 'Closed', access: ['admin'] },
  ];
  const settings = { image_name: undefined, images };
  const imageOf = async (config: object, env: Record<string, string>) => (await requestOf(config, { env })).spec.image;

  it('the first is the default; what a request wants is passed over unless users may choose', async () => {
    expect(await imageOf(settings, { KERNEL_IMAGE: 'b:1' })).toBe('a:1');
    expect(await imageOf({ ...settings, image_name: 'Special' }, {})).toBe('b:1');
    await expect(imageOf({ ...settings, image_name: 'nope' }, {})).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('users choose by name or image, where they have access', async () => {
    const open = { ...settings, use_user_options: true };
    expect(await imageOf(open, { KERNEL_IMAGE: 'Special' })).toBe('b:1');
    expect((await requestOf(open, chosen({ user_selected_image: { image: 'b:1', name: 'Special' } }))).spec.image).toBe(
      'b:1',
    );
    expect((await requestOf(open, chosen({ container_spec: { Image: 'b:1' } }))).spec.image).toBe('b:1');
    await expect(imageOf(open, { KERNEL_IMAGE: 'c:1' })).rejects.toMatchObject(refusal('FORBIDDEN', /not in the list/));
    await expect(imageOf(open, { KERNEL_IMAGE: 'Closed' })).rejects.toMatchObject(refusal('FORBIDDEN', /not for this/));
    expect(await imagesFor('alice', swarmConfigSchema.parse(open))).toEqual([
      { name: 'Plain', image: 'a:1' },
      { name: 'Special', image: 'b:1' },
    ]);
  });

  it('without a list, image_name and allowed_images count', async () => {
    const open = { use_user_options: true };
    expect(await imageOf({ ...open, allowed_images: 'a/*' }, { KERNEL_IMAGE: 'a/b' })).toBe('a/b');
    await expect(imageOf({ ...open, allowed_images: 'a/*' }, { KERNEL_IMAGE: 'b' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(imageOf(open, { KERNEL_IMAGE: 'b' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('access may stand in a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gp-swarm-'));
    try {
      const access = join(folder, 'users');
      await writeFile(access, 'bob\n alice \n');
      const config = { image_name: undefined, images: [{ image: 'a', access }] };
      expect(await imageOf(config, {})).toBe('a');
      await expect(requestOf(config, { owner: 'carol' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await rm(access);
      await expect(imageOf(config, {})).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('what requests may choose', () => {
  const open = { use_user_options: true };
  const bind = { container_spec: { mounts: [{ type: 'bind', source: '/srv/x', target: '/x' }] } };
  const volume = (source: string, more: object = {}) => ({
    container_spec: { mounts: [{ type: 'volume', source, target: '/x', ...more }] },
  });

  it('is nothing, unless the settings say so', async () => {
    const { spec } = await requestOf({}, { env: { KERNEL_USER_OPTIONS: 'not even JSON', KERNEL_CPUS: 'many' } });
    expect(spec.resources).toEqual({ pidsLimit: 4096 });
  });

  it('is what the policy names, and counts before all else', async () => {
    const policy = {
      keys: 'placement,networks,name,log_driver,mounts,args',
      networks: ['theirs'],
      mount_types: 'bind',
      bind_sources: '/srv/*',
    };
    const wanted = {
      placement: { constraints: ['node.role==manager'] },
      network: ['theirs'],
      name: 'mine',
      log_driver: { name: 'none' },
      container_spec: { ...bind.container_spec, args: ['{kernel_id}'] },
    };
    const mounts = [{ type: 'tmpfs', target: '/t' }];
    const { spec } = await requestOf({ ...open, user_options_policy: policy, mounts }, chosen(wanted));
    expect(spec).toMatchObject({
      name: `mine-${digest}-${kernelId}`,
      constraints: ['node.role==manager'],
      networks: ['theirs'],
      logDriver: 'none',
      command: ['{kernel_id}'],
      mounts: [{ target: '/t' }, { type: 'bind', source: '/srv/x' }],
    });
  });

  it('is read as SwarmSpawner’s documentation has it: nested, and empty where nothing is chosen', async () => {
    const wanted = {
      container_spec: {
        args: ['/usr/local/bin/start-singleuser.sh'],
        Image: '',
        mounts: [{ type: 'volume', source: 'jupyterhub-user-{name}', target: '/data', label: { autoremove: 'True' } }],
        resource_spec: {
          cpu_limit: 1_000_000_000,
          mem_limit: 512_000_000,
          cpu_reservation: 1_000_000_000,
          mem_reservation: 512_000_000,
        },
        placement: { constraints: [] },
        network: [],
        name: '',
      },
    };
    const config = {
      ...open,
      placement: { constraints: ['node.role==worker'] },
      resource_spec: { cpu_limit: 2, mem_limit: '1g' },
      user_options_policy: { volume_names: ['jupyterhub-user-{name}'] },
    };
    const { spec, volumes } = await requestOf(config, chosen(wanted));
    expect(spec).toMatchObject({
      name: `jupyter-${digest}-${kernelId}`,
      image: 'img',
      command: ['/usr/local/bin/start-singleuser.sh'],
      constraints: ['node.role==worker'],
      networks: ['net'],
      mounts: [{ type: 'volume', source: `jupyterhub-user-${digest}`, target: '/data' }],
      resources: {
        ...{ cpuLimit: 1, cpuReservation: 1 },
        ...{ memoryLimitBytes: 512_000_000, memoryReservationBytes: 512_000_000 },
      },
    });
    expect(volumes).toEqual([`jupyterhub-user-${digest}`]);
    const both = { ...wanted, resource_spec: { mem_limit: 256_000_000 }, placement: {}, networks: '', name: '' };
    expect((await requestOf(config, chosen(both))).spec.resources).toEqual({
      pidsLimit: 4096,
      cpuLimit: 2,
      memoryLimitBytes: 256_000_000,
    });
  });

  it.each([
    ['a placement', { placement: { preferences: ['node.labels.x'] } }, {}],
    [
      'a placement within container_spec',
      { container_spec: { placement: { constraints: ['node.role==manager'] } } },
      {},
    ],
    ['a network within container_spec', { container_spec: { network: ['n'] } }, {}],
    ['a name within container_spec', { container_spec: { name: 'x' } }, {}],
    ['more memory within container_spec', { container_spec: { resource_spec: { mem_limit: '3g' } } }, {}],
    ['a network', { networks: ['n'] }, {}],
    ['a network that is not listed', { networks: ['n'] }, { keys: 'networks' }],
    ['a name', { name: 'x' }, {}],
    ['a bind mount', bind, {}],
    ['a bind mount elsewhere', bind, { mount_types: 'bind', bind_sources: '/home/*' }],
    [
      'a way out of a folder',
      { container_spec: { mounts: [{ type: 'bind', source: '/srv/../etc', target: '/x' }] } },
      { mount_types: 'bind', bind_sources: '/srv/*' },
    ],
    ['another’s volume', volume('bobs'), {}],
    ['a volume that is a path', volume(`${digest}-/../x`), {}],
    [
      'a volume whose driver mounts a folder',
      volume('', { driver_config: { name: 'local', options: { o: 'bind', device: '/', type: 'none' } } }),
      {},
    ],
    ['more memory', { resource_spec: { mem_limit: '3g' } }, { max_resource_spec: { mem_limit: '2g' } }],
    ['more memory than the settings give', { resource_spec: { mem_limit: '3g' } }, {}],
    ['more memory set aside than the limit allows', { resource_spec: { mem_reservation: '500g' } }, {}],
    [
      'more set aside than is to be',
      { resource_spec: { mem_reservation: '1g' } },
      { max_resource_spec: { mem_reservation: '512m' } },
    ],
    ['more processors set aside', { resource_spec: { cpu_reservation: 9 } }, { max_resource_spec: { cpu_limit: 8 } }],
    ['a generic resource', { resource_spec: { generic_resources: { gpu: 1 } } }, {}],
  ])('is not %s', async (...[, wanted, policy]) => {
    const config = { ...open, user_options_policy: policy, resource_spec: { mem_limit: '1g' } };
    await expect(requestOf(config, chosen(wanted))).rejects.toMatchObject(refusal('FORBIDDEN', /KERNEL_USER_OPTIONS/));
  });

  it('resources come in variables as well', async () => {
    const config = {
      ...open,
      gpu_resource: 'nvidia',
      user_options_policy: { max_resource_spec: { generic_resources: { nvidia: 2 } } },
    };
    const env = {
      KERNEL_CPUS: '500m',
      KERNEL_CPUS_LIMIT: '1.5',
      KERNEL_MEMORY: '1Gi',
      KERNEL_MEMORY_LIMIT: '2g',
      KERNEL_GPUS: '2',
    };
    expect((await requestOf(config, { env })).spec.resources).toEqual({
      pidsLimit: 4096,
      cpuReservation: 0.5,
      cpuLimit: 1.5,
      memoryReservationBytes: 1024 ** 3,
      memoryLimitBytes: 2 * 1024 ** 3,
      genericResources: { nvidia: 2 },
    });
    for (const name of Object.keys(env)) {
      await expect(requestOf(config, { env: { [name]: '-1 {{' } })).rejects.toMatchObject(
        refusal('INVALID_ENV', new RegExp(name)),
      );
    }
  });

  it('resources of variables have the same bounds, and an image’s own count before those of all', async () => {
    const images = [
      { image: 'small', resource_spec: { mem_limit: '256m' } },
      { image: 'large', resource_spec: { mem_limit: '4g' } },
    ];
    const config = { ...open, image_name: undefined, images, resource_spec: { mem_limit: '1g' } };
    const requested = async (image: string, env: Record<string, string>, more: object = {}) =>
      (await requestOf({ ...config, ...more }, { env: { KERNEL_IMAGE: image, ...env } })).spec.resources;
    expect(await requested('large', { KERNEL_MEMORY: '2Gi' })).toMatchObject({ memoryReservationBytes: 2 * 1024 ** 3 });
    for (const name of ['KERNEL_MEMORY', 'KERNEL_MEMORY_LIMIT']) {
      await expect(requested('large', { [name]: '500Gi' })).rejects.toMatchObject(refusal('FORBIDDEN', /mem_/));
      await expect(requested('small', { [name]: '1Gi' })).rejects.toMatchObject(refusal('FORBIDDEN', /mem_/));
    }
    const more = { user_options_policy: { max_resource_spec: { mem_limit: '8g' } } };
    expect(await requested('small', { KERNEL_MEMORY_LIMIT: '8Gi' }, more)).toMatchObject({
      memoryLimitBytes: 8 * 1024 ** 3,
    });
  });

  it('a volume of theirs is named after their digest; no text of theirs is a template of the swarm', async () => {
    const wanted = {
      container_spec: { ...volume('{name}-work').container_spec, env: { A: '{{.Node.ID}} {username}' } },
    };
    const { spec } = await requestOf(open, chosen(wanted));
    expect(spec.mounts).toMatchObject([{ source: `${digest}-work` }]);
    expect(spec.env?.['A']).toBe('{{"{{"}}.Node.ID}} {username}');
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (source, value) => {
        const made = await requestOf(
          open,
          chosen({ container_spec: { ...volume(source).container_spec, env: { A: value } } }),
        ).catch((error: unknown) => error);
        if (made instanceof Error) expect(made).toMatchObject({ code: expect.stringMatching(/FORBIDDEN|INVALID_ENV/) });
      }),
      { numRuns: 50 },
    );
  });
});
