import { chmod, mkdir, mkdtemp, realpath, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import type { RequestOptions } from 'node:https';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { fakeKernelSpec } from '@gateway-provisioners/testkit';
import type { FakeKernelMisbehaviour } from '@gateway-provisioners/testkit';
import { V1_SUBPROTOCOL, createMessage, defaultFraming, v1Framing } from '@gateway-provisioners/wire';
import { WebSocket } from 'ws';
import { redactFields } from '../logging/redact.ts';
import type { GatewaySettings } from '../settings/gateway-settings.ts';
import { caCertificate, clientCertificate, clientKey, serverCertificate, serverKey } from '../testing/certificates.ts';
import { recordingLogger } from '../testing/test-gateway.ts';
import type { ErrorJson } from '../testing/test-gateway.ts';
import { startGateway } from './start-gateway.ts';
import type { RunningGateway } from './start-gateway.ts';

const specs: Readonly<Record<string, FakeKernelMisbehaviour>> = {
  fake: {},
  'exits-at-once': { exitCode: 3, stderr: 'last words' },
  'never-binds': { neverBinds: true, stderr: 'still thinking' },
  'never-answers': { neverAnswers: true, stderr: 'deaf' },
  'bad-signatures': { badSignatures: true, stderr: 'forging' },
};

interface Folder extends AsyncDisposable {
  readonly path: string;
  readonly settings: Partial<GatewaySettings>;
}

/** A folder for state and kernelspecs of the fake kernel, good and bad. */
async function createFolder(): Promise<Folder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'gateway-start-')));
  for (const [name, misbehaviour] of Object.entries(specs)) {
    const spec = fakeKernelSpec(misbehaviour);
    const folder = join(path, 'specs', name);
    await mkdir(folder, { recursive: true });
    const { argv, displayName, language, metadata } = spec;
    await writeFile(
      join(folder, 'kernel.json'),
      JSON.stringify({ argv, display_name: displayName, language, metadata }),
    );
  }
  return {
    path,
    settings: {
      port: 0,
      state_dir: join(path, 'state'),
      kernelspec_path: [join(path, 'specs')],
      default_kernel_name: 'fake',
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

const env = { PATH: process.env['PATH'], HOME: tmpdir() };

async function start(folder: Folder, settings: Partial<GatewaySettings> = {}): Promise<RunningGateway> {
  return await startGateway({ ...folder.settings, ...settings }, { env, cwd: folder.path, logger: recordingLogger() });
}

async function call(gateway: RunningGateway, line: string, body?: object): Promise<Response> {
  const [method = '', path = ''] = line.split(' ');
  return await fetch(gateway.url + path, {
    method,
    headers: { authorization: `token ${gateway.token ?? ''}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function startKernel(gateway: RunningGateway, body: object = {}): Promise<string> {
  const response = await call(gateway, 'POST api/kernels', body);
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

interface Place {
  readonly gateway: RunningGateway;
  readonly kernelId: string;
  readonly protocol?: string | undefined;
}

/** Runs code over a WebSocket of its own; returns the text that came. */
async function run({ gateway, kernelId, protocol }: Place, code: string): Promise<string> {
  const url = `${gateway.url.replace('http', 'ws')}api/kernels/${kernelId}/channels?token=${gateway.token ?? ''}`;
  const socket = new WebSocket(url, protocol === undefined ? [] : [protocol]);
  const framing = protocol === undefined ? defaultFraming : v1Framing;
  const request = createMessage({
    channel: 'shell',
    msgType: 'execute_request',
    content: { code, silent: false },
    session: 'test',
  });
  return await new Promise((resolve, reject) => {
    let text = '';
    const seen = new Set<string>();
    socket.on('error', reject);
    socket.on('close', (closeCode) => {
      reject(new Error(`closed with ${String(closeCode)}`));
    });
    socket.on('open', () => {
      socket.send(framing.encode(request));
    });
    socket.on('message', (data: Buffer, isBinary) => {
      const message = framing.decode(isBinary ? data : data.toString());
      if (message.parentHeader.msg_id !== request.header.msg_id) return;
      const content = message.parseContent();
      if (message.header.msg_type === 'stream') text += String(content['text']);
      if (message.header.msg_type === 'execute_result')
        text += String((content['data'] as Record<string, string>)['text/plain']);
      if (message.header.msg_type === 'execute_reply') seen.add('reply');
      if (content['execution_state'] === 'idle') seen.add('idle');
      if (seen.size < 2) return;
      socket.removeAllListeners('close');
      socket.close();
      resolve(text);
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a started gateway', () => {
  test.each([undefined, V1_SUBPROTOCOL])('runs code in a real process, with sub-protocol %s', async (protocol) => {
    await using folder = await createFolder();
    await using gateway = await start(folder);
    expect(gateway.tokenWasGenerated).toBe(true);
    expect(gateway.token).toMatch(/^[\w-]{32,}$/);
    expect(gateway.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const id = await startKernel(gateway);
    expect(await run({ gateway: gateway, kernelId: id, protocol }, 'print hello')).toBe('hello\n');
    expect((await call(gateway, `POST api/kernels/${id}/interrupt`)).status).toBe(204);
    await run({ gateway: gateway, kernelId: id, protocol }, 'set x 1');
    expect((await call(gateway, `POST api/kernels/${id}/restart`)).status).toBe(200);
    expect(await run({ gateway: gateway, kernelId: id, protocol }, 'get x')).toBe('');
    expect((await call(gateway, `DELETE api/kernels/${id}`)).status).toBe(204);
    expect(await (await call(gateway, 'GET api/kernels')).json()).toEqual([]);
  });

  test('starts kernels where the document is', async () => {
    await using folder = await createFolder();
    await mkdir(join(folder.path, 'root', 'project'), { recursive: true });
    await using gateway = await start(folder, { root_dir: 'root' });
    const id = await startKernel(gateway, { path: 'project/a.ipynb' });
    expect(JSON.parse(await run({ gateway: gateway, kernelId: id }, 'cwd'))).toBe(join(folder.path, 'root', 'project'));
  });

  test('gives kernels what a request and the operator allow, and nothing else of its environment', async () => {
    await using folder = await createFolder();
    await using gateway = await startGateway(
      { ...folder.settings, client_envs: ['MY_FLAG'], inherited_envs: ['SHARED'] },
      {
        env: { ...env, SHARED: 'shared', AWS_SECRET_ACCESS_KEY: 'secret' },
        cwd: folder.path,
        logger: recordingLogger(),
      },
    );
    const id = await startKernel(gateway, { env: { MY_FLAG: '1', LD_PRELOAD: 'x', KERNEL_USERNAME: 'root' } });
    const value = async (name: string) => (await run({ gateway: gateway, kernelId: id }, `env ${name}`)).trim();
    expect(await value('MY_FLAG')).toBe('"1"');
    expect(await value('SHARED')).toBe('"shared"');
    // Launch scripts act in its name: it says who is authenticated, not who the request claims to be.
    expect(await value('KERNEL_USERNAME')).toBe('"default"');
    expect(await value('LD_PRELOAD')).not.toContain('x');
    expect(await value('AWS_SECRET_ACCESS_KEY')).not.toContain('secret');
    expect(gateway.kernels.get(id)?.owner).toBe('default');
  });

  test('ends its kernels when it stops', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder);
    const pid = Number(await run({ gateway, kernelId: await startKernel(gateway) }, 'pid'));
    expect(isAlive(pid)).toBe(true);
    await gateway.close();
    expect(isAlive(pid)).toBe(false);
  });

  test('keeps them if told so, and the next start attaches to them', async () => {
    await using folder = await createFolder();
    const first = await start(folder, { kernels_on_stop: 'keep' });
    const id = await startKernel(first);
    await run({ gateway: first, kernelId: id }, 'set answer 42');
    await first.close();
    await using second = await start(folder);
    expect(await run({ gateway: second, kernelId: id }, 'get answer')).toBe('42');
  });

  test('stops when the signal of its start aborts', async () => {
    await using folder = await createFolder();
    const stop = new AbortController();
    const options = { env, cwd: folder.path, logger: recordingLogger(), signal: stop.signal };
    await using gateway = await startGateway(folder.settings, options);
    stop.abort();
    await gateway.close();
    await expect(fetch(gateway.url)).rejects.toThrow();
  });

  test('keeps its secrets to itself: state is for the owner alone, and no log has the token', async () => {
    await using folder = await createFolder();
    const logger = recordingLogger();
    await using gateway = await startGateway(folder.settings, { env, cwd: folder.path, logger });
    await startKernel(gateway);
    const state = join(folder.path, 'state');
    for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
      // A file that is being written has another name for a moment.
      const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined);
      if (found === undefined && /\.(?:tmp|new)$/.test(entry.name)) continue;
      const mode = found?.mode ?? Number.NaN;
      expect([entry.name, mode & 0o077]).toEqual([entry.name, 0]);
    }
    expect(JSON.stringify(logger.lines)).not.toContain(gateway.token);
  });
});

describe('a kernel that cannot be started', () => {
  async function failedStart(gateway: RunningGateway, { name, seconds }: { name: string; seconds: string }) {
    const response = await call(gateway, 'POST api/kernels', { name, env: { KERNEL_LAUNCH_TIMEOUT: seconds } });
    return { name, status: response.status, ...((await response.json()) as ErrorJson) };
  }

  test('because it ends at once', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder, { wait_until_ready: true });
    const failed = await failedStart(gateway, { name: 'exits-at-once', seconds: '60' });
    expect(failed).toMatchObject({ status: 500, code: 'LAUNCH_FAILED', message: expect.stringContaining('3') });
    expect(failed.message).toContain('last words');
    expect(failed.message).not.toMatch(/\bat .*\.[jt]s:\d+/);
    expect(await (await call(gateway, 'GET api/kernels')).json()).toEqual([]);
  });

  test('because it does not answer in time', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder, { wait_until_ready: true });
    const words = { 'never-binds': 'still thinking', 'never-answers': 'deaf', 'bad-signatures': 'forging' };
    // All at once, and with time enough for a process to begin and to say something on a machine that has much to do.
    const failures = await Promise.all(
      Object.keys(words).map(async (name) => await failedStart(gateway, { name, seconds: '10' })),
    );
    expect(failures).toEqual(
      Object.entries(words).map(([name, said]) => ({
        name,
        status: 504,
        reason: 'Gateway Timeout',
        code: 'LAUNCH_TIMEOUT',
        message: expect.stringContaining(said),
      })),
    );
    for (const { message } of failures) expect(message).not.toMatch(/\bat .*\.[jt]s:\d+/);
    expect(await (await call(gateway, 'GET api/kernels')).json()).toEqual([]);
  });

  test('because its kernelspec is not among those allowed', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder, { allowed_kernels: ['never-binds'] });
    const response = await call(gateway, 'POST api/kernels', { name: 'fake' });
    expect([response.status, ((await response.json()) as ErrorJson).code]).toEqual([404, 'KERNELSPEC_NOT_FOUND']);
  });

  test('because of what the request says', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder, { max_kernels: 1 });
    const failure = async (body: object) => {
      const response = await call(gateway, 'POST api/kernels', body);
      return {
        status: response.status,
        ...((await response.json()) as ErrorJson),
        retry: response.headers.get('retry-after'),
      };
    };
    expect(await failure({ name: 'fakee' })).toMatchObject({
      status: 404,
      message: expect.stringMatching(/did you mean.*fake/),
    });
    expect(await failure({ env: { KERNEL_ID: '../../etc' } })).toMatchObject({
      status: 400,
      code: 'INVALID_KERNEL_ID',
    });
    const id = await startKernel(gateway);
    expect(await failure({ env: { KERNEL_ID: id } })).toMatchObject({ status: 409, code: 'KERNEL_ID_IN_USE' });
    const limited = await failure({});
    expect(limited).toMatchObject({ status: 429, code: 'LIMIT_EXCEEDED', retry: '10' });
    expect(limited.message).toBe(
      'A max kernels limit has been set to 1 and there are currently 1 active and pending kernel. [limit=max_kernels]',
    );
    expect(await (await call(gateway, 'GET api/kernels')).json()).toHaveLength(1);
  });

  test('because its user has as many kernels as allowed', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder, { max_kernels_per_user: 0 });
    const response = await call(gateway, 'POST api/kernels', {});
    expect(response.status).toBe(429);
    expect(((await response.json()) as ErrorJson).message).toMatch(/user 'default'.*\[limit=max_kernels_per_user\]/);
  });
});

describe('a start', () => {
  test('tells once, in one line, which variables have no effect, and no value', async () => {
    await using folder = await createFolder();
    const logger = recordingLogger();
    const odd = { ...env, EG_PORT: '1', EG_YARN_ENDPOINT: 'http://secret', GP_CULL_IDEL_TIMEOUT: 'secret' };
    await using gateway = await startGateway(folder.settings, { env: odd, cwd: folder.path, logger });
    await startKernel(gateway);
    const lines = logger.lines.filter(({ message }) => message.includes('variables'));
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({ variables: ['EG_YARN_ENDPOINT', 'GP_CULL_IDEL_TIMEOUT'] }),
      }),
    ]);
    expect(JSON.stringify(redactFields(lines[0]?.fields ?? {}))).toContain('GP_CULL_IDLE_TIMEOUT');
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('on a port in use says so, and tries others if told so', async () => {
    await using folder = await createFolder();
    await using stack = new ResourceStack();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    stack.defer(() => other.close());
    const { port } = other.address() as AddressInfo;
    await expect(start(folder, { port })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(String(port)),
    });
    await using gateway = await start(folder, { port, port_retries: 20 });
    expect(Number(new URL(gateway.url).port)).toBeGreaterThan(port);
  });

  test.each([
    [{ ip: '0.0.0.0', auth: 'none' }, 'INSECURE_CONFIGURATION'],
    [{ ip: '203.0.113.7' }, 'INVALID_ARGUMENT'],
    [{ certfile: '/nonexistent.pem', keyfile: '/nonexistent.key' }, 'INVALID_CONFIG'],
    [{ port: 70_000 }, 'INVALID_CONFIG'],
    [{ base_url: '/a b' }, 'INVALID_CONFIG'],
  ] as const)('with %j is refused with %s and leaves nothing behind', async (settings, code) => {
    await using folder = await createFolder();
    await expect(start(folder, settings)).rejects.toMatchObject({ code });
    // The state folder is free again.
    await using gateway = await start(folder);
    expect((await call(gateway, 'GET api')).status).toBe(200);
  });

  test('with the state of another gateway that runs is refused', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder);
    await expect(start(folder)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    expect((await call(gateway, 'GET api')).status).toBe(200);
  });

  test('sets a corrupt record aside, and attaches to the others', async () => {
    await using folder = await createFolder();
    const first = await start(folder, { kernels_on_stop: 'keep' });
    const id = await startKernel(first);
    await run({ gateway: first, kernelId: id }, 'set x 1');
    await first.close();
    const records = join(folder.path, 'state', 'kernels');
    await writeFile(join(records, '11111111-1111-4111-8111-111111111111.json'), '{"half":', { mode: 0o600 });
    await chmod(records, 0o700);
    await using second = await start(folder);
    expect((await call(second, `GET api/kernels/${id}`)).status).toBe(200);
    expect((await readdir(records)).some((name) => name.includes('corrupt'))).toBe(true);
  });

  test('without authentication needs no token, whatever header comes', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder, { auth: 'none' });
    expect(gateway.token).toBeUndefined();
    const response = await fetch(`${gateway.url}api`, { headers: { authorization: 'token ' } });
    expect(response.status).toBe(200);
  });
});

describe('TLS', () => {
  async function withCertificates(folder: Folder): Promise<Partial<GatewaySettings>> {
    const [certfile, keyfile, ca] = ['server.pem', 'server.key', 'ca.pem'].map((name) => join(folder.path, name));
    await writeFile(certfile!, serverCertificate);
    await writeFile(keyfile!, serverKey, { mode: 0o600 });
    await writeFile(ca!, caCertificate);
    return { certfile, keyfile, client_ca: ca };
  }

  function status(gateway: RunningGateway, options: RequestOptions): Promise<number | undefined> {
    const headers = { authorization: `token ${gateway.token ?? ''}` };
    return new Promise((resolve, reject) => {
      const request = httpsRequest(`${gateway.url}api`, { ca: caCertificate, headers, ...options }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
      request.end();
    });
  }

  test('is spoken with a certificate, from version 1.2 on, WebSockets included', async () => {
    await using folder = await createFolder();
    const { certfile, keyfile } = await withCertificates(folder);
    await using gateway = await start(folder, { certfile, keyfile });
    expect(gateway.url).toMatch(/^https:/);
    expect(await status(gateway, {})).toBe(200);
    await expect(status(gateway, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow();
    const id = gateway.kernels.list()[0]?.id ?? (await gateway.kernels.start({ name: 'fake', owner: 'default' })).id;
    const url = `${gateway.url.replace('https', 'wss')}api/kernels/${id}/channels?token=${gateway.token ?? ''}`;
    const socket = new WebSocket(url, { ca: caCertificate });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.terminate();
  });

  test('with a client authority asks for a certificate of it', async () => {
    await using folder = await createFolder();
    await using gateway = await start(folder, { ...(await withCertificates(folder)), tls_min_version: 'TLSv1.3' });
    expect(await status(gateway, { cert: clientCertificate, key: clientKey })).toBe(200);
    await expect(status(gateway, {})).rejects.toThrow();
    await expect(status(gateway, { cert: clientCertificate, key: clientKey, maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });
});
