import { describe, expect, test } from '@jest/globals';
import { ProvisionerError } from '@gateway-provisioners/core';
import { settle } from '@gateway-provisioners/core/testing';
import { authorised, createTestGateway, twoUsers } from '../testing/test-gateway.ts';
import type { ErrorJson, SessionJson, TestGateway } from '../testing/test-gateway.ts';

const headers = authorised;
const notebook = { path: 'project/a.ipynb', name: 'a.ipynb', type: 'notebook', kernel: { name: 'python3' } };

async function post(test: TestGateway, payload: object, as: Record<string, string> = headers) {
  return await test.app.inject({ method: 'POST', url: '/api/sessions', headers: as, payload });
}

describe('POST /api/sessions', () => {
  test('starts a kernel beside the document', async () => {
    await using test = await createTestGateway();
    const response = await post(test, notebook);
    expect(response.statusCode).toBe(201);
    const [kernel] = test.kernels.list();
    const session = response.json<SessionJson>();
    expect(session).toEqual({
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      path: 'project/a.ipynb',
      name: 'a.ipynb',
      type: 'notebook',
      kernel: kernel!.model(),
      notebook: { path: 'project/a.ipynb', name: 'a.ipynb' },
    });
    expect(response.headers.location).toBe(`/api/sessions/${session.id}`);
    expect(test.kernels.starts[0]).toMatchObject({ cwd: `${test.rootDir}/project`, owner: 'default' });
  });

  test('returns the same session and kernel for the same path, also when both come at once', async () => {
    await using test = await createTestGateway();
    const [first, second] = await Promise.all([post(test, notebook), post(test, notebook)]);
    const third = await post(test, notebook);
    expect([first.statusCode, second.statusCode, third.statusCode]).toEqual([201, 201, 201]);
    expect(second.json()).toEqual(first.json());
    expect(third.json()).toEqual(first.json());
    expect(test.kernels.starts).toHaveLength(1);
  });

  test('starts a kernel of its own for a request when the one that it waited for has lost its client', async () => {
    await using test = await createTestGateway();
    const url = await test.listen();
    const client = new AbortController();
    const begun = test.kernels.holdStarts();
    const { signal } = client;
    const first = fetch(`${url}/api/sessions`, { method: 'POST', headers, body: JSON.stringify(notebook), signal });
    await begun;
    const second = post(test, notebook);
    await settle();
    test.kernels.beforeStart = () => undefined;
    client.abort();
    await expect(first).rejects.toThrow();
    expect((await second).statusCode).toBe(201);
    expect(test.kernels.list()).toHaveLength(1);
  });

  test('takes the old form with "notebook", and an existing kernel by id', async () => {
    await using test = await createTestGateway();
    const kernel = await test.kernels.start({ owner: 'default' });
    const response = await post(test, { notebook: { path: 'old.ipynb' }, kernel: { id: kernel.id } });
    expect(response.statusCode).toBe(201);
    expect(response.json()).toMatchObject({ type: 'notebook', kernel: { id: kernel.id } });
    expect(test.kernels.list()).toHaveLength(1);
  });

  test.each([
    [{ type: 'notebook' }, '"path" is missing'],
    [{ path: 'a.ipynb' }, '"type" is missing'],
    [{ path: 3, type: 'notebook' }, '"path" has to be text'],
    [{ ...notebook, kernel: 'python3' }, '"kernel" has to be an object'],
    [{ ...notebook, path: '../../etc/a.ipynb' }, 'root directory'],
  ])('refuses %j and starts nothing', async (payload, message) => {
    await using test = await createTestGateway();
    const response = await post(test, payload);
    expect(response.statusCode).toBe(400);
    expect(response.json<ErrorJson>().message).toContain(message);
    expect(test.kernels.starts).toHaveLength(0);
  });

  test('passes on why a kernel cannot be started, with its own status', async () => {
    await using test = await createTestGateway();
    test.kernels.beforeStart = () => {
      throw new ProvisionerError('LIMIT_EXCEEDED', 'max_kernels: 1 of 1');
    };
    expect((await post(test, notebook)).statusCode).toBe(429);
    expect((await test.app.inject({ url: '/api/sessions', headers })).json()).toEqual([]);
  });
});

describe('a session', () => {
  test('can be listed, shown and renamed', async () => {
    await using test = await createTestGateway();
    const session = (await post(test, notebook)).json<SessionJson>();
    const url = `/api/sessions/${session.id}`;
    expect((await test.app.inject({ url: '/api/sessions', headers })).json()).toEqual([session]);
    expect((await test.app.inject({ url, headers })).json()).toEqual(session);
    const renamed = await test.app.inject({
      method: 'PATCH',
      url,
      headers,
      payload: { path: 'b.ipynb', name: 'b.ipynb', type: 'console' },
    });
    expect(renamed.statusCode).toBe(200);
    expect(renamed.json()).toMatchObject({ id: session.id, path: 'b.ipynb', type: 'console', kernel: session.kernel });
  });

  test('moves to a new kernel, and the old one is shut down', async () => {
    await using test = await createTestGateway();
    const session = (await post(test, notebook)).json<SessionJson>();
    const [old] = test.kernels.list();
    const changed = await test.app.inject({
      method: 'PATCH',
      url: `/api/sessions/${session.id}`,
      headers,
      payload: { kernel: { name: 'other' } },
    });
    expect(changed.json<SessionJson>().kernel).toMatchObject({ name: 'other' });
    expect(old!.calls).toEqual(['shutdown']);
    expect((await test.app.inject({ url: `/api/sessions/${session.id}`, headers })).json()).toEqual(changed.json());
  });

  test('cannot take the path of another, and then nothing changes', async () => {
    await using test = await createTestGateway();
    const one = (await post(test, notebook)).json<SessionJson>();
    const two = (await post(test, { ...notebook, path: 'two.ipynb' })).json<SessionJson>();
    const response = await test.app.inject({
      method: 'PATCH',
      url: `/api/sessions/${two.id}`,
      headers,
      payload: { path: one.path, kernel: { name: 'other' } },
    });
    expect(response.statusCode).toBe(409);
    expect((await test.app.inject({ url: '/api/sessions', headers })).json()).toEqual([one, two]);
    expect(test.kernels.starts).toHaveLength(2);
  });

  test('that is deleted while its new kernel starts leaves no kernel behind', async () => {
    await using test = await createTestGateway();
    const session = (await post(test, notebook)).json<SessionJson>();
    const url = `/api/sessions/${session.id}`;
    let goOn: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      test.kernels.beforeStart = async () => {
        resolve();
        await new Promise<void>((open) => (goOn = open));
      };
    });
    const changed = test.app.inject({ method: 'PATCH', url, headers, payload: { kernel: { name: 'other' } } });
    await begun;
    expect((await test.app.inject({ method: 'DELETE', url, headers })).statusCode).toBe(204);
    goOn();
    expect((await changed).statusCode).toBe(404);
    expect(test.kernels.list()).toEqual([]);
  });

  test('takes its kernel with it when it is deleted', async () => {
    await using test = await createTestGateway();
    const session = (await post(test, notebook)).json<SessionJson>();
    const url = `/api/sessions/${session.id}`;
    expect((await test.app.inject({ method: 'DELETE', url, headers })).statusCode).toBe(204);
    expect(test.kernels.list()).toHaveLength(0);
    const again = await test.app.inject({ method: 'DELETE', url, headers });
    expect([again.statusCode, again.json<ErrorJson>().code]).toEqual([404, 'SESSION_NOT_FOUND']);
  });

  test('ends with its kernel, and the listing stays whole', async () => {
    await using test = await createTestGateway();
    const one = (await post(test, notebook)).json<SessionJson>();
    const two = (await post(test, { ...notebook, path: 'two.ipynb' })).json<SessionJson>();
    await test.app.inject({ method: 'DELETE', url: `/api/kernels/${one.kernel.id}`, headers });
    expect((await test.app.inject({ url: '/api/sessions', headers })).json()).toEqual([two]);
    expect((await test.app.inject({ url: `/api/sessions/${one.id}`, headers })).statusCode).toBe(404);
  });

  test('belongs to its user; the same path of another user is another session', async () => {
    await using test = await createTestGateway({ authenticator: twoUsers });
    const [alice, bob] = [{ authorization: 'token alice' }, { authorization: 'token bob' }];
    const hers = (await post(test, notebook, alice)).json<SessionJson>();
    const his = (await post(test, notebook, bob)).json<SessionJson>();
    expect(his.id).not.toBe(hers.id);
    expect((await test.app.inject({ url: '/api/sessions', headers: bob })).json()).toEqual([his]);
    for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
      const response = await test.app.inject({ method, url: `/api/sessions/${hers.id}`, headers: bob });
      expect(response.statusCode).toBe(404);
    }
    const stolen = await post(test, { ...notebook, path: 'x', kernel: { id: hers.kernel.id } }, bob);
    expect(stolen.statusCode).toBe(404);
  });
});
