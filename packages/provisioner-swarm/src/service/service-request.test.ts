import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { kernelId, requestOf } from '../testing/contexts.ts';
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
  });

  it('by no variable either where the policy lets nobody choose', async () => {
    const closed = { ...settings, use_user_options: true, user_options_policy: { keys: 'env' } };
    await expect(imageOf(closed, { KERNEL_IMAGE: 'a:1' })).rejects.toMatchObject(
      refusal('FORBIDDEN', /KERNEL_IMAGE.*user_options_policy/),
    );
    expect(await imageOf(closed, {})).toBe('a:1');
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
