import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { KernelFailureError, ProvisionerError } from '@gateway-provisioners/core';
import { settle } from '@gateway-provisioners/core/testing';
import type { Identity } from '../auth/authenticator.ts';
import { authorised, createTestGateway, twoUsers } from '../testing/test-gateway.ts';
import type { ErrorJson } from '../testing/test-gateway.ts';

const headers = authorised;
const KERNEL_ID = '0e5f1a52-8f7e-4e40-9d3a-2b8b1f6f3a11';

describe('POST /api/kernels', () => {
  test('starts the default kernel without a body and says where it is', async () => {
    await using test = await createTestGateway();
    const response = await test.app.inject({ method: 'POST', url: '/api/kernels', headers });
    expect(response.statusCode).toBe(201);
    const [kernel] = test.kernels.list();
    expect(response.headers.location).toBe(`/api/kernels/${kernel!.id}`);
    expect(response.json()).toEqual(kernel!.model());
    expect(test.kernels.starts[0]).toMatchObject({ name: undefined, owner: 'default', until: 'launched' });
  });

  test('takes name, env and path, whatever the content type', async () => {
    await using test = await createTestGateway();
    const body = { name: 'python3', env: { KERNEL_USERNAME: 'mallory', KERNEL_ID }, path: 'project/notebook.ipynb' };
    const response = await test.app.inject({
      method: 'POST',
      url: '/api/kernels',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      payload: JSON.stringify(body),
    });
    expect(response.statusCode).toBe(201);
    expect(test.kernels.starts[0]).toMatchObject({
      name: 'python3',
      kernelId: KERNEL_ID,
      cwd: `${test.rootDir}/project`,
      // Passed on for the kernel's own use; who owns the kernel is another matter.
      env: { KERNEL_USERNAME: 'mallory', KERNEL_ID },
      owner: 'default',
    });
  });

  test('drops variables that are not for clients to set, and keeps those of client_envs', async () => {
    await using test = await createTestGateway({ clientEnvs: ['MY_FLAG'] });
    const env = { KERNEL_A: '1', MY_FLAG: '2', LD_PRELOAD: '/evil.so', PATH: 7 };
    await test.app.inject({ method: 'POST', url: '/api/kernels', headers, payload: { env } });
    expect(test.kernels.starts[0]?.env).toEqual({ KERNEL_A: '1', MY_FLAG: '2' });
  });

  test('reads KERNEL_LAUNCH_TIMEOUT in seconds, up to the limit', async () => {
    await using test = await createTestGateway({ maxLaunchTimeoutMs: 50_000 });
    for (const KERNEL_LAUNCH_TIMEOUT of ['40', '1.5', '1e9']) {
      await test.app.inject({
        method: 'POST',
        url: '/api/kernels',
        headers,
        payload: { env: { KERNEL_LAUNCH_TIMEOUT } },
      });
    }
    expect(test.kernels.starts.map((start) => start.launchTimeoutMs)).toEqual([40_000, 1_500, 50_000]);
  });

  test('waits for the kernel when it is told to', async () => {
    await using test = await createTestGateway({ waitUntilReady: true });
    await test.app.inject({ method: 'POST', url: '/api/kernels', headers });
    expect(test.kernels.starts[0]?.until).toBe('ready');
  });

  test.each([
    { what: 'not JSON', payload: '{"name":', code: 'INVALID_REQUEST', message: /not valid JSON/ },
    { what: 'a list', payload: '[]', code: 'INVALID_REQUEST', message: /JSON object, not a list/ },
    { what: 'text', payload: '"python3"', code: 'INVALID_REQUEST', message: /JSON object, not text/ },
    { what: 'a number', payload: '4', code: 'INVALID_REQUEST', message: /JSON object, not a number/ },
    {
      what: 'a name that is a number',
      payload: '{"name": 3}',
      code: 'INVALID_REQUEST',
      message: /"name" has to be text/,
    },
    {
      what: 'env as a list',
      payload: '{"env": ["A=1"]}',
      code: 'INVALID_REQUEST',
      message: /"env" has to be an object, not a list/,
    },
    { what: 'env as text', payload: '{"env": "A=1"}', code: 'INVALID_REQUEST', message: /"env" has to be an object/ },
    { what: 'a number in env', payload: '{"env": {"KERNEL_X": 1}}', code: 'INVALID_ENV', message: /"KERNEL_X"/ },
    {
      what: 'a launch timeout of nan',
      payload: '{"env": {"KERNEL_LAUNCH_TIMEOUT": "nan"}}',
      code: 'INVALID_ENV',
      message: /KERNEL_LAUNCH_TIMEOUT/,
    },
    {
      what: 'a launch timeout of inf',
      payload: '{"env": {"KERNEL_LAUNCH_TIMEOUT": "inf"}}',
      code: 'INVALID_ENV',
      message: /KERNEL_LAUNCH_TIMEOUT/,
    },
    {
      what: 'a launch timeout of 0',
      payload: '{"env": {"KERNEL_LAUNCH_TIMEOUT": "0"}}',
      code: 'INVALID_ENV',
      message: /KERNEL_LAUNCH_TIMEOUT/,
    },
    {
      what: 'a path that leads out',
      payload: '{"path": "../../etc"}',
      code: 'INVALID_REQUEST',
      message: /root directory/,
    },
    { what: 'a NUL in the path', payload: '{"path": "a\\u0000b"}', code: 'INVALID_REQUEST', message: /NUL/ },
    {
      what: 'a cwd that does not exist',
      payload: '{"cwd": "/no/such/folder"}',
      code: 'INVALID_REQUEST',
      message: /"cwd"/,
    },
  ])('refuses $what with 400 and starts nothing', async ({ payload, code, message }) => {
    await using test = await createTestGateway();
    const response = await test.app.inject({
      method: 'POST',
      url: '/api/kernels',
      headers: { ...headers, 'content-type': 'application/json' },
      payload,
    });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({ reason: 'Bad Request', message: expect.stringMatching(message), code });
    expect(test.kernels.starts).toHaveLength(0);
  });

  test('refuses a body that is too large with 413', async () => {
    await using test = await createTestGateway({ maxBodyBytes: 1000 });
    const payload = JSON.stringify({ env: { KERNEL_X: 'x'.repeat(2000) } });
    const response = await test.app.inject({ method: 'POST', url: '/api/kernels', headers, payload });
    expect(response.statusCode).toBe(413);
    expect(response.json()).toMatchObject({ reason: 'Payload Too Large', code: 'MESSAGE_TOO_LARGE' });
    expect(test.kernels.starts).toHaveLength(0);
  });

  test.each([
    [new ProvisionerError('KERNELSPEC_NOT_FOUND', 'no kernelspec is named "pyton3": did you mean python3?'), 404],
    [new ProvisionerError('INVALID_KERNEL_ID', 'KERNEL_ID is not a UUID'), 400],
    [new ProvisionerError('KERNEL_ID_IN_USE', 'taken'), 409],
    [new ProvisionerError('LIMIT_EXCEEDED', 'max_kernels: 3 of 3 kernels exist'), 429],
    [new ProvisionerError('FORBIDDEN', 'not for you'), 403],
    [new KernelFailureError('LAUNCH_TIMEOUT', 'no answer within 40 s', { logTail: 'ImportError: nope' }), 504],
    [new KernelFailureError('LAUNCH_FAILED', 'exit code 3', { logTail: 'last words' }), 500],
  ])('answers %s with its own words', async (error, status) => {
    await using test = await createTestGateway();
    test.kernels.beforeStart = () => {
      throw error;
    };
    const response = await test.app.inject({ method: 'POST', url: '/api/kernels', headers });
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ message: error.message, code: error.code });
    expect(response.headers['retry-after']).toBe(status === 429 ? '10' : undefined);
  });

  test('a launch whose client goes away is aborted', async () => {
    await using test = await createTestGateway();
    const url = await test.listen();
    const client = new AbortController();
    const aborted = new Promise<unknown>((resolve) => {
      test.kernels.beforeStart = ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            resolve(signal.reason);
            reject(signal.reason as Error);
          });
          client.abort();
        });
    });
    await expect(fetch(`${url}/api/kernels`, { method: 'POST', headers, signal: client.signal })).rejects.toThrow();
    expect(await aborted).toMatchObject({ code: 'CANCELLED' });
  });

  test('a client that goes away while it is authenticated starts nothing', async () => {
    let goOn: (identity: Identity) => void = () => undefined;
    let isAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    const authenticate = () =>
      new Promise<Identity>((resolve) => {
        goOn = resolve;
        isAsked();
      });
    await using test = await createTestGateway({ authenticator: { required: true, authenticate } });
    const url = await test.listen();
    const gone = new Promise((resolve) => {
      test.app.server.once('connection', (socket: Socket) => socket.once('close', resolve));
    });
    const client = new AbortController();
    const request = fetch(`${url}/api/kernels`, { method: 'POST', signal: client.signal });
    await asked;
    client.abort();
    await expect(request).rejects.toThrow();
    await gone;
    goOn({ username: 'default' });
    while (!test.logger.lines.some(({ message }) => message === 'request failed')) await settle();
    expect(test.kernels.starts).toEqual([]);
  });

  test('what one request sets is never seen by another that runs at the same time', async () => {
    await using test = await createTestGateway({ authenticator: twoUsers });
    const gates: (() => void)[] = [];
    test.kernels.beforeStart = () => new Promise((resolve) => gates.push(resolve));
    const post = (user: string, payload: object = {}) =>
      test.app.inject({ method: 'POST', url: '/api/kernels', headers: { authorization: `token ${user}` }, payload });
    const alice = post('alice', { env: { KERNEL_SECRET: 's' } });
    const bob = post('bob');
    while (gates.length < 2) await new Promise((resolve) => setImmediate(resolve));
    gates.reverse().forEach((open) => {
      open();
    });
    await Promise.all([alice, bob]);
    const late = post('bob');
    while (gates.length < 3) await new Promise((resolve) => setImmediate(resolve));
    gates[2]!();
    await late;
    const byUser = test.kernels.starts.map(({ owner, env }) => ({ owner, env }));
    expect(byUser.filter(({ owner }) => owner === 'alice')).toEqual([{ owner: 'alice', env: { KERNEL_SECRET: 's' } }]);
    expect(byUser.filter(({ owner }) => owner === 'bob')).toEqual(Array(2).fill({ owner: 'bob', env: undefined }));
  });
});

describe('a kernel', () => {
  test('can be listed, shown, interrupted, restarted and deleted', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    const url = `/api/kernels/${kernel.id}`;
    expect((await test.app.inject({ url: '/api/kernels', headers })).json()).toEqual([kernel.model()]);
    expect((await test.app.inject({ url, headers })).json()).toEqual(kernel.model());
    const interrupted = await test.app.inject({ method: 'POST', url: `${url}/interrupt`, headers, payload: {} });
    expect([interrupted.statusCode, interrupted.body]).toEqual([204, '']);
    const restarted = await test.app.inject({ method: 'POST', url: `${url}/restart`, headers, payload: {} });
    expect([restarted.statusCode, restarted.json()]).toEqual([200, kernel.model()]);
    const deleted = await test.app.inject({ method: 'DELETE', url, headers });
    expect([deleted.statusCode, deleted.body]).toEqual([204, '']);
    expect(kernel.calls).toEqual(['interrupt', 'restart', 'shutdown']);
    expect((await test.app.inject({ url, headers })).statusCode).toBe(404);
  });

  test.each([
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/interrupt'],
    ['POST', '/restart'],
  ] as const)('that does not exist is 404 for %s %s', async (method, rest) => {
    await using test = await createTestGateway();
    const response = await test.app.inject({ method, url: `/api/kernels/${KERNEL_ID}${rest}`, headers });
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({ reason: 'Not Found', code: 'KERNEL_NOT_FOUND' });
  });

  test('of somebody else does not exist on any route', async () => {
    await using test = await createTestGateway({ authenticator: twoUsers });
    const kernel = await test.kernels.start({ owner: 'alice' });
    const asBob = { headers: { authorization: 'token bob' } };
    const url = `/api/kernels/${kernel.id}`;
    expect((await test.app.inject({ url: '/api/kernels', ...asBob })).json()).toEqual([]);
    for (const [method, rest] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/interrupt'],
      ['POST', '/restart'],
    ] as const) {
      const theirs = await test.app.inject({ method, url: url + rest, ...asBob });
      const missing = await test.app.inject({ method, url: `/api/kernels/${KERNEL_ID}${rest}`, ...asBob });
      expect(theirs.statusCode).toBe(404);
      // Word for word the same, but for the id that was asked for.
      expect(theirs.body.replace(kernel.id, '')).toBe(missing.body.replace(KERNEL_ID, ''));
    }
    expect(kernel.calls).toEqual([]);
    expect((await test.app.inject({ url, headers: { authorization: 'token alice' } })).statusCode).toBe(200);
  });

  test('a restart that fails is reported, and the kernel can still be deleted', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    kernel.failure = new KernelFailureError('LAUNCH_FAILED', 'no more memory');
    const url = `/api/kernels/${kernel.id}`;
    const failed = await test.app.inject({ method: 'POST', url: `${url}/restart`, headers });
    expect([failed.statusCode, failed.json<ErrorJson>().message]).toEqual([500, 'no more memory']);
    kernel.failure = undefined;
    expect((await test.app.inject({ method: 'DELETE', url, headers })).statusCode).toBe(204);
  });

  test('listing can be turned off; single kernels stay reachable', async () => {
    await using test = await createTestGateway({ listKernels: false });
    const kernel = await test.kernels.start({ owner: 'default' });
    expect((await test.app.inject({ url: '/api/kernels', headers })).statusCode).toBe(403);
    expect((await test.app.inject({ url: '/api/sessions', headers })).statusCode).toBe(403);
    expect((await test.app.inject({ url: `/api/kernels/${kernel.id}`, headers })).statusCode).toBe(200);
  });

  test('is only looked for once those of an earlier run are known', async () => {
    let recovered: (value?: unknown) => void = () => undefined;
    const ready = new Promise((resolve) => (recovered = resolve));
    await using test = await createTestGateway({ ready });
    const asked = test.app.inject({ url: `/api/kernels/${KERNEL_ID}`, headers });
    expect((await test.app.inject('/readyz')).statusCode).toBe(503);
    await test.kernels.start({ owner: 'default', kernelId: KERNEL_ID });
    recovered();
    expect((await asked).statusCode).toBe(200);
    expect((await test.app.inject('/readyz')).statusCode).toBe(200);
  });
});
