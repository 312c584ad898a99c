import { describe, expect, test } from '@jest/globals';
import { ProvisionerError } from '@gateway-provisioners/core';
import { authorised as headers, createTestGateway, twoUsers } from '../testing/test-gateway.ts';
import type { KernelSpecsJson } from '../testing/test-gateway.ts';

const url = '/api/kernelspecs/python3/images';
const offers = [{ name: 'Plain', image: 'a:1', default: true }, { pattern: 'b:*' }];

describe('images of a kernelspec', () => {
  test('are listed, with an ETag', async () => {
    await using test = await createTestGateway({ baseUrl: '/hub/user' });
    test.kernels.offers = () => offers;
    const response = await test.app.inject({ url: `/hub/user${url}`, headers });
    expect([response.statusCode, response.json()]).toEqual([200, { images: offers }]);
    const tag = String(response.headers.etag);
    const again = await test.app.inject({ url: `/hub/user${url}`, headers: { ...headers, 'if-none-match': tag } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const head = await test.app.inject({ method: 'HEAD', url: `/hub/user${url}`, headers });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });

  test('are an empty list where the backend has none', async () => {
    await using test = await createTestGateway();
    expect((await test.app.inject({ url, headers })).json()).toEqual({ images: [] });
  });

  test('are those of whoever asks, whatever the query says', async () => {
    await using test = await createTestGateway({ authenticator: twoUsers });
    test.kernels.offers = ({ owner = '' }) => [{ name: owner, image: `${owner}:1` }];
    const askedBy = async (name: string) =>
      (
        await test.app.inject({ url: `${url}?user=alice`, headers: { authorization: `token ${name}` } })
      ).json<unknown>();
    expect(await askedBy('alice')).toEqual({ images: [{ name: 'alice', image: 'alice:1' }] });
    expect(await askedBy('bob')).toEqual({ images: [{ name: 'bob', image: 'bob:1' }] });
  });

  test.each([
    ['python3', 'python3'],
    ['PYTHON3', 'PYTHON3'],
    ['images', 'images'],
    ['a.b-c_1', 'a.b-c_1'],
    ['sp%20ace', 'sp ace'],
    ['%C3%BCn%C3%AF', 'ünï'],
    ['a%2Fb', 'a/b'],
    ['100%25', '100%'],
  ])('are asked for by the decoded name: %s', async (...[sent, name]) => {
    await using test = await createTestGateway();
    const asked: unknown[] = [];
    test.kernels.offers = (options) => {
      asked.push(options.name);
      throw new ProvisionerError('KERNELSPEC_NOT_FOUND', 'no such kernelspec');
    };
    const response = await test.app.inject({ url: `/api/kernelspecs/${sent}/images`, headers });
    expect([response.statusCode, asked]).toEqual([404, [name]]);
    expect(response.json()).toMatchObject({ reason: 'Not Found' });
  });

  test('take no address from the kernelspecs', async () => {
    await using test = await createTestGateway();
    const model = await test.app.inject({ url: '/api/kernelspecs/python3', headers });
    expect(model.json()).toMatchObject({ name: 'python3' });
    const listing = await test.app.inject({ url: '/api/kernelspecs', headers });
    expect(Object.keys(listing.json<KernelSpecsJson>().kernelspecs)).toHaveLength(2);
    for (const other of ['/api/kernelspecs/images', `${url}/more`, '/kernelspecs/python3/images']) {
      expect((await test.app.inject({ url: other, headers })).statusCode).toBe(404);
    }
  });

  test.each([
    [new ProvisionerError('FORBIDDEN', 'User bob is not authorized'), 403, 'User bob is not authorized'],
    [new ProvisionerError('INVALID_CONFIG', '/srv/users cannot be read'), 500, 'request='],
    [new ProvisionerError('ENGINE_UNAVAILABLE', 'no engine'), 503, 'no engine'],
    [new Error('a defect'), 500, 'request='],
  ])('fail in JSON: %s', async (error, status, words) => {
    await using test = await createTestGateway();
    test.kernels.offers = () => {
      throw error;
    };
    const response = await test.app.inject({ url, headers });
    expect([response.statusCode, response.json()]).toEqual([
      status,
      expect.objectContaining({ message: expect.stringContaining(words), code: expect.any(String) }),
    ]);
    expect(response.body).not.toContain('/srv/users');
  });

  test('are for who has the token, from pages that may ask, by GET alone', async () => {
    await using test = await createTestGateway();
    expect((await test.app.inject({ url })).statusCode).toBe(401);
    const foreign = { ...headers, origin: 'http://evil.example' };
    expect((await test.app.inject({ url, headers: foreign })).statusCode).toBe(403);
    const posted = await test.app.inject({ method: 'POST', url, headers });
    expect([posted.statusCode, posted.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect((await test.app.inject({ method: 'OPTIONS', url })).statusCode).toBe(200);
  });

  test('are no longer asked for when the client has gone', async () => {
    await using test = await createTestGateway();
    const base = await test.listen();
    const stop = new AbortController();
    const given = new Promise<void>((resolve) => {
      test.kernels.offers = ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(new ProvisionerError('CANCELLED', 'the client has gone'));
            resolve();
          });
          stop.abort();
        });
    });
    await expect(fetch(`${base}${url}`, { headers, signal: stop.signal })).rejects.toThrow();
    await given;
  });
});
