import { describe, expect, test } from '@jest/globals';
import { GATEWAY_VERSION } from '../version.ts';
import { authorised, createTestGateway } from '../testing/test-gateway.ts';
import type { ErrorJson } from '../testing/test-gateway.ts';

const headers = authorised;

describe('the server', () => {
  test('says its versions', async () => {
    await using test = await createTestGateway();
    const response = await test.app.inject({ url: '/api', headers });
    expect(response.json()).toEqual({ version: expect.stringMatching(/^2\./), gateway_version: GATEWAY_VERSION });
    expect(GATEWAY_VERSION).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('says how busy it is, with times as Jupyter writes them', async () => {
    await using test = await createTestGateway();
    await test.kernels.start({ owner: 'default' });
    const response = await test.app.inject({ url: '/api/status', headers });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(response.json()).toEqual({ started: time, last_activity: time, connections: 0, kernels: 1 });
  });

  test('says who the caller is', async () => {
    await using test = await createTestGateway();
    const response = await test.app.inject({ url: '/api/me', headers });
    expect(response.json()).toEqual({
      identity: {
        username: 'default',
        name: 'default',
        display_name: 'default',
        initials: 'DE',
        avatar_url: null,
        color: null,
      },
      permissions: {},
    });
  });

  test.each(['/healthz', '/readyz', '/base/healthz', '/base/readyz'])('answers %s to anybody', async (url) => {
    await using test = await createTestGateway({ baseUrl: 'base' });
    const response = await test.app.inject({ url, headers: { origin: 'https://elsewhere.example' } });
    expect(response.statusCode).toBe(200);
    expect(Object.keys(response.json())).toEqual(['status']);
  });

  test('serves nothing outside its base URL', async () => {
    await using test = await createTestGateway({ baseUrl: '/base/' });
    expect((await test.app.inject({ url: '/base/api', headers })).statusCode).toBe(200);
    expect((await test.app.inject({ url: '/api', headers })).statusCode).toBe(404);
  });

  test('answers an unchanged body with 304', async () => {
    await using test = await createTestGateway();
    const first = await test.app.inject({ url: '/api/kernels', headers });
    const etag = String(first.headers.etag);
    expect(etag).toMatch(/^"[\w-]+"$/);
    for (const ifNoneMatch of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await test.app.inject({
        url: '/api/kernels',
        headers: { ...headers, 'if-none-match': ifNoneMatch },
      });
      expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
    }
    await test.kernels.start({ owner: 'default' });
    const changed = await test.app.inject({ url: '/api/kernels', headers: { ...headers, 'if-none-match': etag } });
    expect(changed.statusCode).toBe(200);
  });

  test.each([
    ['PUT', '/api/kernels', 'GET, POST, HEAD, OPTIONS'],
    ['DELETE', '/api/kernels', 'GET, POST, HEAD, OPTIONS'],
    ['GET', '/api/kernels/x/interrupt', 'POST, OPTIONS'],
    ['HEAD', '/api/kernels/x/channels', 'GET, OPTIONS'],
    ['PUT', '/api/sessions/x', 'GET, PATCH, DELETE, HEAD, OPTIONS'],
    ['POST', '/api', 'GET, HEAD, OPTIONS'],
  ] as const)('answers %s %s with 405 and what is possible', async (method, url, allow) => {
    await using test = await createTestGateway();
    const response = await test.app.inject({ method, url, headers });
    expect([response.statusCode, response.headers.allow]).toEqual([405, allow]);
    if (method !== 'HEAD') expect(response.json<ErrorJson>().reason).toBe('Method Not Allowed');
  });

  test.each(['/', '/nothing', '/api/', '/api/kernelspecs/a/b', '/tree', '/api/contents'])(
    'answers %s with 404 in JSON',
    async (url) => {
      await using test = await createTestGateway();
      const response = await test.app.inject({ url, headers });
      expect(response.statusCode).toBe(404);
      expect(response.json()).toMatchObject({ reason: 'Not Found', code: 'RESOURCE_NOT_FOUND' });
    },
  );
});
