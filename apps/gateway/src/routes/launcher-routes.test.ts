import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createTestGateway } from '../testing/test-gateway.ts';
import type { TestGateway } from '../testing/test-gateway.ts';

const posted: { token: string; body: string }[] = [];
let bench: TestGateway;

beforeEach(async () => {
  posted.length = 0;
  bench = await createTestGateway({
    launcherAnswers: {
      handleHttp: (token, body) => {
        posted.push({ token, body: Buffer.from(body).toString() });
        return Promise.resolve(token === 'good' ? { status: 200, body: '{"box":"b"}' } : { status: 403, body: '' });
      },
    },
  });
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

async function post(
  authorization: string | undefined,
  payload: string,
): Promise<{ readonly statusCode: number; readonly body: string }> {
  const headers = authorization === undefined ? {} : { authorization };
  return await bench.app.inject({ method: 'POST', url: '/api/launcher-answers', headers, payload });
}

test("a launcher answers with its launch's token, not the gateway's", async () => {
  const reply = await post('token good', '{"version":2,"box":"x"}');
  expect([reply.statusCode, reply.body]).toEqual([200, '{"box":"b"}']);
  expect(posted).toEqual([{ token: 'good', body: '{"version":2,"box":"x"}' }]);
});

test('everything else is refused, and opens nothing else', async () => {
  expect((await post('token bad', '{}')).statusCode).toBe(403);
  expect((await post(undefined, '{}')).statusCode).toBe(403);
  expect((await post('token good', 'not JSON')).statusCode).toBe(400);
  expect((await post('token good', JSON.stringify('x'.repeat(70_000)))).statusCode).toBe(413);
  expect(
    (await bench.app.inject({ method: 'GET', url: '/api/kernels', headers: { authorization: 'token good' } }))
      .statusCode,
  ).toBe(401);
  expect((await bench.app.inject({ method: 'GET', url: '/api/launcher-answers' })).statusCode).toBe(405);
});
