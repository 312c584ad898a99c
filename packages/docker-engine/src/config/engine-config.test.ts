import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock, settle } from '@gateway-provisioners/core/testing';
import { openDockerEngine } from '../open-docker-engine.ts';
import { parseDockerConfig } from './docker-config-file.ts';
import { configFromEnv, engineAddress } from './engine-config.ts';
import { credentialsFor, parseHelperAnswer, registryOf } from './registry-credentials.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gp-docker-config-'));
});
afterAll(async () => {
  await rm(root, { recursive: true });
});

async function folder(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(root, name);
  await mkdir(path);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), content);
  }
  return path;
}

const transportOf = async (env: Readonly<Record<string, string>>) =>
  (await configFromEnv({ HOME: '/nonexistent', ...env })).transport;

describe('configFromEnv', () => {
  it.each([
    [{}, { kind: 'unix', path: '/var/run/docker.sock' }],
    [{ DOCKER_HOST: 'unix:///run/user/1000/docker.sock' }, { kind: 'unix', path: '/run/user/1000/docker.sock' }],
    [{ DOCKER_HOST: 'tcp://10.0.0.1' }, { kind: 'tcp', host: '10.0.0.1', port: 2375 }],
    [{ DOCKER_HOST: 'tcp://[::1]:99' }, { kind: 'tcp', host: '::1', port: 99 }],
    [{ DOCKER_HOST: 'ssh://me@host:22' }, { kind: 'ssh', destination: 'me@host', port: 22 }],
    [{ DOCKER_HOST: 'ssh://host' }, { kind: 'ssh', destination: 'host' }],
    [{ DOCKER_CONTEXT: 'default' }, { kind: 'unix', path: '/var/run/docker.sock' }],
  ])('%j', async (env, transport) => {
    expect(await transportOf(env)).toEqual(transport);
  });

  it.each([
    'host',
    'tcp://',
    'unix://',
    'unix://relative',
    'npipe:////./pipe/x',
    'ssh://-oProxyCommand=x',
    'ssh://-l@host',
    'ssh://a%20b@h',
    'ssh://a%zz@h',
    'ssh://%ff@h',
  ])('DOCKER_HOST=%s is INVALID_CONFIG', async (host) => {
    await expect(transportOf({ DOCKER_HOST: host })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('DOCKER_HOST'),
    });
  });

  it('reads certificates, and wants key and certificate together', async () => {
    const both = await folder('tls', { 'ca.pem': 'CA', 'cert.pem': 'CERT', 'key.pem': 'KEY' });
    const env = { DOCKER_HOST: 'tcp://h', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: both };
    const tls = { ca: 'CA', cert: 'CERT', key: 'KEY', verify: true };
    expect(await transportOf(env)).toEqual({ kind: 'tcp', host: 'h', port: 2376, tls });
    expect(await transportOf({ ...env, DOCKER_TLS_VERIFY: '', DOCKER_TLS: '1' })).toMatchObject({
      tls: { verify: false },
    });
    const half = await folder('half', { 'cert.pem': 'CERT' });
    await expect(transportOf({ ...env, DOCKER_CERT_PATH: half })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('takes the context of the configuration file, with its certificates', async () => {
    const id = createHash('sha256').update('far').digest('hex');
    const config = await folder('contexts', {
      'config.json': JSON.stringify({ currentContext: 'far' }),
      [`contexts/meta/${id}/meta.json`]: JSON.stringify({
        Name: 'far',
        Endpoints: { docker: { Host: 'tcp://far:1' } },
      }),
      [`contexts/tls/${id}/docker/ca.pem`]: 'CA',
    });
    const transport = { kind: 'tcp', host: 'far', port: 1, tls: { ca: 'CA', verify: true } };
    expect(await transportOf({ DOCKER_CONFIG: config })).toEqual(transport);
    expect(await transportOf({ DOCKER_CONFIG: config, DOCKER_HOST: 'unix:///s' })).toEqual({
      kind: 'unix',
      path: '/s',
    });
    await expect(transportOf({ DOCKER_CONFIG: config, DOCKER_CONTEXT: 'gone' })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('gone'),
    });
  });

  it('says which file of a context or of certificates cannot be read', async () => {
    const id = createHash('sha256').update('far').digest('hex');
    const meta = `contexts/meta/${id}/meta.json`;
    const far = { Endpoints: { docker: { Host: 'tcp://far:1', SkipTLSVerify: true } } };
    const named = async (files: Readonly<Record<string, string>>, name: string) =>
      await transportOf({ DOCKER_CONFIG: await folder(name, files), DOCKER_CONTEXT: 'far' });
    const refused = (message: string) => ({ code: 'INVALID_CONFIG', message: expect.stringContaining(message) });
    await expect(named({ [meta]: '{' }, 'no-json')).rejects.toMatchObject(refused('meta.json is not JSON'));
    await expect(named({ [meta]: '{"Endpoints":7}' }, 'no-endpoint')).rejects.toMatchObject(refused('far'));
    await expect(named({ [`${meta}/x`]: '' }, 'meta-folder')).rejects.toMatchObject(refused('meta.json'));
    const tls = { [meta]: JSON.stringify(far), [`contexts/tls/${id}/docker/cert.pem`]: 'CERT' };
    // A certificate without its key is none.
    expect(await named(tls, 'half-context')).toEqual({ kind: 'tcp', host: 'far', port: 1, tls: { verify: false } });
    const both = { ...tls, [`contexts/tls/${id}/docker/key.pem`]: 'KEY' };
    expect(await named(both, 'context-keys')).toMatchObject({ tls: { cert: 'CERT', key: 'KEY' } });
    expect(await named({ [meta]: JSON.stringify(far) }, 'context-plain')).toEqual({
      kind: 'tcp',
      host: 'far',
      port: 1,
    });

    const config = await folder('config-folder', { 'config.json/x': '' });
    await expect(transportOf({ DOCKER_CONFIG: config })).rejects.toMatchObject(refused('cannot read'));
    const pem = await folder('pem-folder', { 'ca.pem/x': '' });
    const env = { DOCKER_HOST: 'tcp://h', DOCKER_TLS_VERIFY: '1' };
    await expect(transportOf({ ...env, DOCKER_CERT_PATH: pem })).rejects.toMatchObject(refused('ca.pem'));
    expect(await transportOf({ ...env, DOCKER_CONFIG: await folder('no-pem', {}) })).toEqual({
      kind: 'tcp',
      host: 'h',
      port: 2376,
      tls: { verify: true },
    });
    expect(await transportOf({ DOCKER_HOST: 'https://h:1' })).toMatchObject({ port: 1, tls: { verify: true } });
    expect((await configFromEnv({ DOCKER_HOST: 'unix:///s' })).configDir).toMatch(/\.docker$/);
  });

  it('gives an address for messages', async () => {
    for (const host of ['unix:///s', 'tcp://h:1', 'tcp://[::1]:2', 'ssh://u@h:3', 'ssh://h']) {
      expect(engineAddress(await configFromEnv({ HOME: '/nonexistent', DOCKER_HOST: host }))).toBe(host);
    }
  });
});

describe('the configuration file', () => {
  it('is read without what has another shape', () => {
    const text = JSON.stringify({
      auths: { r: { auth: 7, username: 'me' }, odd: [] },
      credHelpers: { h: 'x', odd: null },
      credsStore: {},
      currentContext: 7,
    });
    expect(parseDockerConfig(text, '/c.json')).toEqual({
      auths: new Map([
        ['r', { username: 'me' }],
        ['odd', {}],
      ]),
      credHelpers: new Map([['h', 'x']]),
    });
    for (const odd of ['null', '7', '[]', '"x"']) expect(parseDockerConfig(odd, '/c.json').auths.size).toBe(0);
  });

  it.each(['{}', '[]', '{"Username":"me"}', '{"Username":"me","Secret":7}'])(
    'the answer %j of a credential helper is none',
    (answer) => {
      expect(parseHelperAnswer(answer, { program: 'docker-credential-x', registry: 'r' })).toBeUndefined();
    },
  );

  it('of any content is read or refused without its text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseDockerConfig(text, '/c.json');
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_CONFIG', message: '/c.json is not JSON' });
        }
      }),
    );
  });
});

describe('credentials', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');

  it.each([
    ['a', 'https://index.docker.io/v1/'],
    ['a/b:1', 'https://index.docker.io/v1/'],
    ['docker.io/a/b', 'https://index.docker.io/v1/'],
    ['localhost/a', 'localhost'],
    ['r.example:5000/a', 'r.example:5000'],
  ])('%s is of %s', (image, registry) => {
    expect(registryOf(image)).toBe(registry);
  });

  it('come from the file: by registry, with passwords that hold colons, or as a token', async () => {
    const configDir = await folder('auths', {
      'config.json': JSON.stringify({
        auths: {
          'r.example': { auth: base64('me:pass:word') },
          'https://t.example/v2/': { identitytoken: 'tok', auth: base64('x:y') },
          'broken.example': { auth: 'no colon' },
          'https://index.docker.io/v1/': { username: 'hub', password: 'pw' },
        },
      }),
    });
    const ask = (image: string) => credentialsFor(image, { configDir, env: {} });
    expect(await ask('r.example/a')).toEqual({ username: 'me', password: 'pass:word', serveraddress: 'r.example' });
    expect(await ask('t.example/a')).toEqual({ identitytoken: 'tok', serveraddress: 't.example' });
    expect(await ask('a')).toMatchObject({ username: 'hub' });
    expect(await ask('broken.example/a')).toBeUndefined();
    expect(await ask('other.example/a')).toBeUndefined();
  });

  it('come from a helper that the file names, and nothing it says is needed', async () => {
    const bin = await folder('bin', {
      'docker-credential-good': '#!/bin/sh\nread r\nprintf \'{"Username":"<token>","Secret":"for %s"}\' "$r"\n',
      'docker-credential-empty': '#!/bin/sh\necho not found; exit 1\n',
      'docker-credential-odd': '#!/bin/sh\necho top-secret\n',
    });
    for (const name of ['good', 'empty', 'odd']) await chmod(join(bin, `docker-credential-${name}`), 0o755);
    const configDir = await folder('helpers', {
      'config.json': JSON.stringify({
        credsStore: 'empty',
        credHelpers: { 'g.example': 'good', 'e.example': '../x', 'm.example': 'missing', 'o.example': 'odd' },
      }),
    });
    const ask = (image: string) => credentialsFor(image, { configDir, env: { PATH: `${bin}:/usr/bin:/bin` } });
    expect(await ask('g.example/a')).toEqual({ identitytoken: 'for g.example', serveraddress: 'g.example' });
    expect(await ask('a')).toBeUndefined();
    await expect(ask('e.example/a')).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await expect(ask('m.example/a')).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('missing'),
    });
    const refused: unknown = await ask('o.example/a').catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'INVALID_CONFIG',
      message: 'the answer of docker-credential-odd is not JSON',
    });
    expect(inspect(refused, { depth: Infinity })).not.toContain('top-s');
  });

  it('are waited for within bounds: a helper that hangs holds up no pull and no service', async () => {
    const slow = await folder('slow', {
      'docker-credential-slow': '#!/bin/sh\nexec sleep 600\n',
      'config.json': '{"credsStore":"slow"}',
    });
    await chmod(join(slow, 'docker-credential-slow'), 0o755);
    const env = { PATH: `${slow}:/usr/bin:/bin`, DOCKER_CONFIG: slow, DOCKER_HOST: 'unix:///nonexistent' };
    const config = await configFromEnv(env);
    await using engine = openDockerEngine(config);
    const tooLate = { code: 'DEADLINE_EXCEEDED' };
    await expect(engine.images.pull('a', { timeoutMs: 200 })).rejects.toMatchObject(tooLate);
    await expect(engine.services.create({ name: 's', image: 'a' }, { timeoutMs: 200 })).rejects.toMatchObject(tooLate);

    const clock = new ManualClock();
    const asking = credentialsFor('a', { ...config, clock });
    asking.catch(() => undefined); // heard below
    while (clock.pending === 0) await settle();
    await clock.advance(20_000);
    await expect(asking).rejects.toMatchObject({
      ...tooLate,
      message: expect.stringContaining('docker-credential-slow'),
    });
    await expect(credentialsFor('a', { ...config, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
