import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePort, until } from '@gateway-provisioners/core/testing';
import { configFromEnv, openDockerEngine } from './index.ts';
import { TestAuthority } from './testing/certificates.ts';
import { deferred } from './testing/deferred.ts';
import { SshServer } from './testing/ssh-server.ts';
import { BASE_IMAGE, TestEngine } from './testing/test-engine.ts';

const run = promisify(execFile);
const settings = process.env;
const base = { PATH: settings['PATH'], HOME: '/nonexistent' };
let folder = '';
const at = (...names: string[]): string => join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-remote-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('an engine over TLS', () => {
  const testbed = new URL('../../../tools/testbeds/docker.sh', import.meta.url).pathname;
  let port = 0;
  const open = async (env: Readonly<Record<string, string>>) => {
    const DOCKER_HOST = `tcp://127.0.0.1:${String(port)}`;
    return openDockerEngine(await configFromEnv({ ...base, DOCKER_HOST, ...env }));
  };

  beforeAll(async () => {
    const [ours, theirs] = [await TestAuthority.create(at('ours')), await TestAuthority.create(at('theirs'))];
    const server = { key: at('ours', 'server-key.pem'), cert: at('ours', 'server-cert.pem') };
    await ours.issue({ ...server, serverIp: '127.0.0.1' });
    await ours.issue({ key: at('ours', 'key.pem'), cert: at('ours', 'cert.pem') });
    await theirs.issue({ key: at('theirs', 'key.pem'), cert: at('theirs', 'cert.pem') });
    for (const [name, ca, client] of [
      ['without-client', 'ours', undefined],
      ['other-ca', 'theirs', 'ours'],
      ['other-client', 'ours', 'theirs'],
    ] as const) {
      await run('mkdir', [at(name)]);
      await run('cp', [at(ca, 'ca.pem'), at(name)]);
      if (client !== undefined) await run('cp', [at(client, 'key.pem'), at(client, 'cert.pem'), at(name)]);
    }
    port = await freePort();
    const env = { ...settings, GP_DOCKER_TLS_DIR: at('ours'), GP_DOCKER_TLS_PORT: String(port) };
    await run(testbed, ['up', 'small'], { env });
  });
  afterAll(async () => {
    await run(testbed, ['down-small']);
  });

  test('is reached as DOCKER_TLS_VERIFY and DOCKER_CERT_PATH say, calls and events', async () => {
    const engine = await open({ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: at('ours') });
    const [connected, created] = [deferred<undefined>(), deferred<string>()];
    engine.watch(
      { types: ['volume'] },
      {
        onConnected: () => {
          connected.resolve(undefined);
        },
        onEvent: ({ id, action }) => {
          created.resolve(`${action} ${id}`);
        },
      },
    );
    await connected.promise;
    await engine.volumes.create({ name: 'over-tls' });
    expect(await created.promise).toBe('create over-tls');
    await engine.volumes.remove('over-tls');
    expect(engine.address).toBe(`tcp://127.0.0.1:${String(port)}`);
    await engine[Symbol.asyncDispose]();
  });

  test.each([
    {
      what: 'whose authority is another one',
      env: { DOCKER_CERT_PATH: 'other-ca' },
      words: /the certificate of tcp.* is not accepted/,
    },
    {
      what: 'that wants a certificate of ours',
      env: { DOCKER_CERT_PATH: 'without-client' },
      words: /does not accept our certificate/,
    },
    {
      what: 'that does not know our authority',
      env: { DOCKER_CERT_PATH: 'other-client' },
      words: /does not accept our certificate/,
    },
    {
      what: 'under another name',
      env: { DOCKER_CERT_PATH: 'ours', HOSTNAME: 'localhost' },
      words: /the certificate of tcp.* is not accepted.*localhost/,
    },
  ])('$what is ENGINE_UNAVAILABLE', async ({ env: { DOCKER_CERT_PATH, HOSTNAME = '127.0.0.1' }, words }) => {
    const DOCKER_HOST = `tcp://${HOSTNAME}:${String(port)}`;
    const engine = await open({ DOCKER_HOST, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: at(DOCKER_CERT_PATH) });
    const error: unknown = await engine.ping().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(String(error)).toMatch(words);
    await engine[Symbol.asyncDispose]();
  });

  test('with DOCKER_TLS alone the name and authority are not checked, as the Docker CLI does', async () => {
    const engine = await open({ DOCKER_TLS: '1', DOCKER_CERT_PATH: at('ours') });
    await engine.ping();
    await engine[Symbol.asyncDispose]();
  });

  test('is not spoken to in the clear', async () => {
    const engine = await open({});
    await expect(engine.ping()).rejects.toMatchObject({
      code: 'ENGINE_REFUSED',
      message: expect.stringContaining('HTTPS'),
    });
    await engine[Symbol.asyncDispose]();
  });

  test('is found by a context that the Docker CLI made', async () => {
    const DOCKER_CONFIG = at('contexts');
    const env = { ...base, DOCKER_CONFIG };
    const files = ['ca', 'cert', 'key'].map((name) => `${name}=${at('ours', `${name}.pem`)}`).join(',');
    const endpoint = `host=tcp://127.0.0.1:${String(port)},${files}`;
    await run('docker', ['context', 'create', 'far', '--docker', endpoint], { env });
    const named = openDockerEngine(await configFromEnv({ ...env, DOCKER_CONTEXT: 'far' }));
    await named.ping();
    await run('docker', ['context', 'use', 'far'], { env });
    const used = openDockerEngine(await configFromEnv(env));
    expect(used.address).toBe(`tcp://127.0.0.1:${String(port)}`);
    await used.ping();
    await expect(configFromEnv({ ...env, DOCKER_CONTEXT: 'farther' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('farther'),
    });
    await named[Symbol.asyncDispose]();
    await used[Symbol.asyncDispose]();
  });
});

describe('an engine over ssh', () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await SshServer.start(at(), settings['DOCKER_HOST'] ?? '');
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  const open = async () => await TestEngine.open(server.url, { ...base, PATH: `${server.bin}:${base.PATH ?? ''}` });

  test('does all that one at hand does: calls, uploads, waits, many at once', async () => {
    await using bed = await open();
    const { containers, images } = bed.engine;
    expect((await images.inspect(BASE_IMAGE))?.id).toMatch(/^sha256:/);
    const id = await containers.create(bed.spec({}, 'sha256sum /tmp/large | cut -c1-8; sleep 1; exit 5'));
    const content = Buffer.alloc(3 << 20, 'x');
    await containers.putFiles(id, [{ path: '/tmp/large', content, mode: 0o644, uid: 0, gid: 0 }]);
    await containers.start(id);
    expect(await containers.wait(id)).toBe(5);
    expect(await containers.logs(id, { maxBytes: 100 })).toMatch(/^[0-9a-f]{8}\n$/);
    const all = await Promise.all(Array.from({ length: 10 }, async () => await containers.inspect(id)));
    expect(all.map((details) => details?.state.exitCode)).toEqual(Array.from({ length: 10 }, () => 5));
  });

  test('a call that is given up ends its connection, and so does the end of the engine', async () => {
    {
      await using bed = await open();
      const id = await bed.run();
      const controller = new AbortController();
      const waiting = bed.engine.containers.wait(id, { signal: controller.signal });
      await until('a client of ssh', async () => (await server.clients()) > 0);
      controller.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
      await until('the end of ssh', async () => (await server.clients()) === 0);
      bed.engine.watch({}, { onEvent: () => undefined });
    }
    await until('the end of ssh', async () => (await server.clients()) === 0);
  });

  test('the stream of events is made again when the connection broke', async () => {
    await using bed = await open();
    const [died, broken] = [deferred<string>(), deferred<Error>()];
    const connected = [deferred<undefined>(), deferred<undefined>()];
    let connections = 0;
    bed.engine.watch(
      { types: ['container'], actions: ['die'], labels: [bed.label] },
      {
        onConnected: () => {
          connected[connections++]?.resolve(undefined);
        },
        onDisconnected: (error) => {
          broken.resolve(error);
        },
        onEvent: ({ attributes }) => {
          died.resolve(attributes['exitCode'] ?? '');
        },
      },
    );
    await connected[0]?.promise;
    await server.stop();
    expect(await broken.promise).toMatchObject({ message: expect.any(String) });
    await expect(bed.engine.ping()).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('refused'),
    });
    await server.start();
    await connected[1]?.promise;
    await bed.run({}, 'exit 7');
    expect(await died.promise).toBe('7');
  });

  test.each([
    { what: 'whose key is not known', client: { knownHosts: 'none' }, words: 'Host key verification failed' },
    { what: 'that does not know our key', client: { key: 'other_key' }, words: 'Permission denied' },
  ])('$what is ENGINE_UNAVAILABLE, in the words of ssh', async ({ client, words }) => {
    await server.configureClient(client);
    try {
      const PATH = `${server.bin}:${base.PATH ?? ''}`;
      const engine = openDockerEngine(await configFromEnv({ ...base, PATH, DOCKER_HOST: server.url }));
      await expect(engine.ping()).rejects.toMatchObject({
        code: 'ENGINE_UNAVAILABLE',
        message: expect.stringContaining(words),
      });
      await engine[Symbol.asyncDispose]();
    } finally {
      await server.configureClient();
    }
  });
});
