import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { kernelId, requestOf } from '../testing/contexts.ts';
import { ownerDigest } from './service-name.ts';

const digest = ownerDigest('alice');
const chosen = (given: object) => ({ env: { KERNEL_USER_OPTIONS: JSON.stringify(given) } });
const refusal = (code: string, words: RegExp) => ({ code, message: expect.stringMatching(words) });

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
    // The units of Kubernetes and of Docker; of a pair the limit of GPUs counts.
    const others = { KERNEL_MEMORY: '2G', KERNEL_MEMORY_LIMIT: '2500M', KERNEL_GPUS: '2', KERNEL_GPUS_LIMIT: '1' };
    expect((await requestOf(config, { env: others })).spec.resources).toEqual({
      pidsLimit: 4096,
      memoryReservationBytes: 2_000_000_000,
      memoryLimitBytes: 2_500_000_000,
      genericResources: { nvidia: 1 },
    });
    await expect(requestOf(config, { env: { KERNEL_GPUS_LIMIT: '3' } })).rejects.toMatchObject(
      refusal('FORBIDDEN', /nvidia/),
    );
    for (const name of [...Object.keys(env), 'KERNEL_GPUS_LIMIT']) {
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
