import { describe, expect, it } from '@jest/globals';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import type { KernelSpec, LaunchContext, LauncherParameters } from '@gateway-provisioners/core';
import { assertReachable, chooseImage, containerUser, exitOf } from '@gateway-provisioners/docker-engine/kernels';
import { dockerConfigSchema } from '../settings/docker-settings.ts';
import { containerName, containerRequest } from './container-request.ts';

const kernelId = '7a3bbd2d-0bb9-4d4a-8a3c-000000000001';
const parameters: LauncherParameters = {
  public: { kernelId, responseAddress: '172.17.0.1:8877', publicKey: 'KEY', portRange: '0..0' },
  secret: { launcherV2: 'SECRET' },
};
const spec = (overrides: Partial<KernelSpec> = {}): KernelSpec => ({
  name: 'docker_python',
  displayName: 'Python',
  language: 'python',
  argv: [],
  env: {},
  interruptMode: 'signal',
  metadata: {},
  extra: {},
  provisioner: { provisionerName: 'docker-provisioner', config: {} },
  ...overrides,
});
const context = (overrides: Partial<LaunchContext> = {}): LaunchContext => ({
  instanceId: 'gw',
  kernelId,
  incarnation: 1,
  owner: 'alice',
  kernelSpec: spec(),
  env: {},
  deadline: systemClock.now() + 1_000,
  transportEncryption: 'auto',
  rendezvous: {
    expect: () => Promise.reject(new Error('unused')),
    openComm: () => Promise.reject(new Error('unused')),
  },
  checkpoint: () => Promise.resolve(),
  ...overrides,
});
const request = (overrides: Partial<LaunchContext> = {}, config: object = {}, hostEnv = {}) =>
  containerRequest({
    context: context(overrides),
    config: dockerConfigSchema.parse(config),
    parameters,
    image: 'img',
    hostEnv,
  }).spec;

describe('the container of a kernel', () => {
  it('has the names, labels and variables of Gateway Provisioners, and safe defaults', () => {
    const made = request({ env: { KERNEL_UID: '007', A: '$(b)\n', JPY_PARENT_PID: '1', KERNEL_WORKING_DIR: '/w' } });
    expect(made).toEqual({
      name: `alice-${kernelId}`,
      hostname: `alice-${kernelId}`,
      image: 'img',
      labels: {
        app: 'gateway-provisioners',
        component: 'kernel',
        kernel_id: kernelId,
        'gateway-provisioners.instance': 'gw',
        'gateway-provisioners.owner': `gw/${kernelId}/1`,
      },
      env: {
        A: '$(b)\n',
        KERNEL_ID: kernelId,
        KERNEL_USERNAME: 'alice',
        KERNEL_IMAGE: 'img',
        KERNEL_EXECUTOR_IMAGE: 'img',
        KERNEL_UID: '7',
        KERNEL_GID: '100',
        KERNEL_SPARK_CONTEXT_INIT_MODE: 'none',
        GP_DOCKER_NETWORK: 'bridge',
        GP_DOCKER_MODE: 'docker',
        GP_LAUNCHER_LINGER_SECONDS: '0',
        PORT_RANGE: '0..0',
        RESPONSE_ADDRESS: '172.17.0.1:8877',
        PUBLIC_KEY: 'KEY',
        TRANSPORT_ENCRYPTION: 'auto',
      },
      user: '7:100',
      supplementaryGroups: ['100'],
      network: 'bridge',
      mounts: [],
      resources: { pidsLimit: 4096 },
      init: true,
      capDrop: ['ALL'],
      securityOptions: ['no-new-privileges'],
    });
    expect(JSON.stringify(made)).not.toContain('SECRET');
  });

  it('inherits nothing that describes the host, unless the kernelspec says it', () => {
    const hostEnv = { PATH: '/bin', HOME: '/root', LD_LIBRARY_PATH: '/x' };
    const env = { ...hostEnv, USER: 'set by the request', LANG: 'C' };
    const made = request({ env, kernelSpec: spec({ env: { LD_LIBRARY_PATH: '/x' } }) }, {}, hostEnv);
    expect(made.env).toMatchObject({ USER: 'set by the request', LANG: 'C', LD_LIBRARY_PATH: '/x' });
    expect(made.env).not.toHaveProperty('PATH');
    expect(made.env).not.toHaveProperty('HOME');
  });

  it('tells the image of executors: the kernelspec’s own, that of the settings, the kernel’s', () => {
    const env = { KERNEL_EXECUTOR_IMAGE: 'of-spec' };
    const config = { executor_image_name: 'of-settings' };
    const executorImage = (...given: Parameters<typeof request>) => request(...given).env?.['KERNEL_EXECUTOR_IMAGE'];
    expect(executorImage({ env, kernelSpec: spec({ env }) }, config)).toBe('of-spec');
    expect(executorImage({ env: { KERNEL_EXECUTOR_IMAGE: 'of-request' }, kernelSpec: spec({ env }) }, config)).toBe(
      'of-settings',
    );
    expect(executorImage({ env })).toBe('img');
  });

  it('mirrors the working folder when it is told to', () => {
    const config = { mirror_working_dirs: true };
    expect(request({ cwd: '/n' }, config).workingDir).toBe('/n');
    expect(request({ cwd: '/n', env: { KERNEL_WORKING_DIR: '/w' } }, config)).toMatchObject({ workingDir: '/w' });
    expect(request({ cwd: '/n' }).workingDir).toBeUndefined();
    expect(() => request({ env: { KERNEL_WORKING_DIR: 'w' } }, config)).toThrow(
      expect.objectContaining({ code: 'INVALID_ENV' }),
    );
  });

  it('runs the image’s own command for the launch scripts, and the kernelspec’s argv otherwise', () => {
    const options = ['--public-key', '{public_key}', '--spark-context-initialization-mode', 'lazy'];
    for (const script of ['/a/launch_docker.py', 'launch_kubernetes.py']) {
      const made = request({ kernelSpec: spec({ argv: ['python', script, ...options, '--kernel-class-name=c.C'] }) });
      expect(made.command).toBeUndefined();
      expect(made.env).toMatchObject({ KERNEL_SPARK_CONTEXT_INIT_MODE: 'lazy', KERNEL_CLASS_NAME: 'c.C' });
    }
    const eg = request({
      kernelSpec: spec({
        argv: ['python', 'launch_docker.py', '--RemoteProcessProxy.spark-context-initialization-mode', 'none'],
      }),
    });
    expect(eg.env).toMatchObject({ KERNEL_SPARK_CONTEXT_INIT_MODE: 'none' });
    const own = request({
      kernelSpec: spec({ argv: ['run', '{kernel_id}', '{response_address}', '{other}', '{transport_encryption}'] }),
    });
    expect(own.command).toEqual(['run', kernelId, '172.17.0.1:8877', '{other}', 'auto']);
  });

  it('gets mounts with the names of user and kernel in their sources', () => {
    const config = {
      volumes: ['/home/{username}:/home/jovyan', 'work-{kernel_id}:/work:ro'],
      mounts: [{ type: 'tmpfs', target: '/t', size: '1m' }],
    };
    expect(request({}, config).mounts).toEqual([
      { type: 'bind', source: '/home/alice', target: '/home/jovyan', readOnly: false },
      { type: 'volume', source: `work-${kernelId}`, target: '/work', readOnly: true },
      { type: 'tmpfs', target: '/t', sizeBytes: 1024 ** 2 },
    ]);
    for (const owner of ['..', '.', 'a/b', '', ' ', 'a\0']) {
      expect(() => request({ owner }, config)).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    }
  });

  it('has the limits that a request chooses within its bounds, instead of those of the settings', () => {
    const config = { cpus: 1, memory: '1g', memory_swap: '2g', memory_reservation: '600m', gpus: 'a,b,c', max_cpus: 4 };
    const env = { KERNEL_CPUS: '3', KERNEL_MEMORY: '512Mi', KERNEL_GPUS: '2' };
    const halfGiB = 512 * 1024 ** 2;
    expect(request({ env }, config).resources).toEqual({
      cpus: 3,
      memoryBytes: halfGiB,
      memorySwapBytes: halfGiB,
      memoryReservationBytes: halfGiB,
      gpus: { deviceIds: ['a', 'b'] },
      pidsLimit: 4096,
    });
    expect(request({ env: { KERNEL_GPUS: '0' } }, config).resources?.gpus).toBeUndefined();
    expect(request({ env: { KERNEL_GPUS: '2' } }, { gpus: 'all' }).resources?.gpus).toEqual({ count: 2 });
    expect(() => request({ env: { KERNEL_GPUS: '1' } })).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
  });

  it('uses no swap beyond its memory, and is itself in the host’s network', () => {
    expect(request({}, { memory: '1g' }).resources).toMatchObject({
      memoryBytes: 1024 ** 3,
      memorySwapBytes: 1024 ** 3,
    });
    expect(request({}, { docker_network: 'host' }).hostname).toBeUndefined();
  });
});

describe('names', () => {
  it.each([
    ['alice', 1, 'alice-'],
    ['Ünal Ö/..', 1, 'nal-'],
    ['../..', 1, 'kernel-'],
    ['a@b.example', 1, 'a-b.example-'],
  ])('of %s', (owner, incarnation, prefix) => {
    const name = containerName(context({ owner, incarnation }));
    expect(name).toMatch(/^[A-Za-z0-9][\w.-]*$/);
    expect(name.startsWith(prefix)).toBe(true);
  });

  it('carry the incarnation from the second on', () => {
    expect(containerName(context({ incarnation: 3 }))).toBe(`alice-${kernelId}-3`);
  });

  it('of hosts are short enough for a kernel', () => {
    expect(request({ owner: 'x'.repeat(100) }).hostname?.length).toBeLessThanOrEqual(63);
  });
});

describe('access', () => {
  const config = (given: object) => dockerConfigSchema.parse(given);
  it('of ids: compared as numbers', () => {
    expect(containerUser({}, config({}))).toEqual({ uid: 1000, gid: 100 });
    expect(
      containerUser({ KERNEL_UID: '0', KERNEL_GID: '0' }, config({ prohibited_uids: [], prohibited_gids: '' })),
    ).toEqual({ uid: 0, gid: 0 });
    for (const KERNEL_UID of ['0', '00', '+0', ' 0 ']) {
      expect(() => containerUser({ KERNEL_UID }, config({}))).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    }
    for (const KERNEL_UID of ['-1', '1e3', '0x0', 'root', '4294967296', '1.0']) {
      expect(() => containerUser({ KERNEL_UID }, config({}))).toThrow(expect.objectContaining({ code: 'INVALID_ENV' }));
    }
  });

  it('of images: a request chooses only what is allowed', () => {
    const env = { KERNEL_IMAGE: 'other:1' };
    expect(chooseImage(context({ env }), config({ image_name: 'img' }))).toBe('img');
    expect(chooseImage(context({ env, kernelSpec: spec({ env }) }), config({ image_name: 'img' }))).toBe('other:1');
    expect(chooseImage(context({ env }), config({ image_name: 'img', allowed_images: ['oth*:1'] }))).toBe('other:1');
    for (const allowed_images of [[], ['oth*:2'], ['ther:1'], ['other.1'], ['other:']]) {
      expect(() => chooseImage(context({ env }), config({ image_name: 'img', allowed_images }))).toThrow(
        expect.objectContaining({ code: 'FORBIDDEN' }),
      );
    }
  });
});

describe('an image that a request names where it may not choose', () => {
  const config = dockerConfigSchema.parse({ image_name: 'img' });
  const warned = (overrides: Partial<LaunchContext>): readonly unknown[] => {
    const lines: unknown[] = [];
    chooseImage(context(overrides), config, { ...silentLogger, warn: (_, fields) => lines.push(fields) });
    return lines;
  };

  it('is passed over, and the log says so', () => {
    expect(warned({ env: { KERNEL_IMAGE: 'other:1' } })).toEqual([{ kernelId, wanted: 'other:1', image: 'img' }]);
  });

  it('is no matter where it is the one that counts', () => {
    const env = { KERNEL_IMAGE: 'other:1' };
    expect([...warned({ env, kernelSpec: spec({ env }) }), ...warned({ env: { KERNEL_IMAGE: 'img' } })]).toEqual([]);
  });
});

describe('ends', () => {
  const state = { status: 'exited', exitCode: 0, oomKilled: false, error: '' } as const;
  it.each([
    [
      { ...state, exitCode: 3 },
      { reason: 'exited', exitCode: 3 },
    ],
    [
      { ...state, exitCode: 137 },
      { reason: 'signalled', signal: 'SIGKILL', exitCode: 137 },
    ],
    [
      { ...state, exitCode: 143 },
      { reason: 'signalled', signal: 'SIGTERM', exitCode: 143 },
    ],
    [
      { ...state, exitCode: 255 },
      { reason: 'exited', exitCode: 255 },
    ],
    [
      { ...state, oomKilled: true },
      { reason: 'oom', exitCode: 0 },
    ],
    [
      { ...state, oomKilled: true, exitCode: 137 },
      { reason: 'oom', exitCode: 137 },
    ],
    [
      { ...state, oomKilled: true, exitCode: 3 },
      { reason: 'exited', exitCode: 3 },
    ],
    [
      { ...state, exitCode: 127, error: 'not found' },
      { reason: 'exited', exitCode: 127, detail: 'not found' },
    ],
  ])('%j', (given, exit) => {
    expect(exitOf(given, 'tail')).toEqual({ ...exit, logTail: 'tail' });
  });
});

describe('the address of the listener', () => {
  it.each(['127.0.0.1:1', 'localhost:1', '[::1]:1'])(
    '%s is of no use to a container, unless it is in the host’s network',
    (address) => {
      expect(() => {
        assertReachable(address, 'bridge');
      }).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
      assertReachable(address, 'host');
    },
  );
});
