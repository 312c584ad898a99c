import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { LazyRendezvous } from './lazy-rendezvous.ts';

const env = { GP_RESPONSE_IP: '127.0.0.1', GP_RESPONSE_PORT: '0' };

test('a port is opened by the first launch and closed at the end', async () => {
  const rendezvous = new LazyRendezvous({ env, httpUrl: 'http://gateway/api/launcher-answers' });
  expect(await rendezvous.handleHttp('any', Buffer.from('{}'))).toEqual({ status: 403, body: '' });
  const expected = await rendezvous.expect('k1', { deadline: Date.now() + 60_000 });
  const { responseAddress } = expected.parameters.public;
  expect(responseAddress).toMatch(/^127\.0\.0\.1:\d+$/);
  expect((await rendezvous.handleHttp('any', Buffer.from('{}'))).status).toBe(403);
  const unanswered = expect(expected.answer).rejects.toMatchObject({ code: 'CANCELLED' });
  await rendezvous[Symbol.asyncDispose]();
  await unanswered;
  const taken = createServer().listen(Number(responseAddress.split(':')[1]), '127.0.0.1');
  await once(taken, 'listening');
  taken.close();
});

test('settings that are wrong fail the launch that needs them, with their names', async () => {
  await using rendezvous = new LazyRendezvous({ env: { GP_RESPONSE_PORT: 'many' } });
  await expect(rendezvous.expect('k1', { deadline: Date.now() + 1000 })).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining('GP_RESPONSE_PORT'),
  });
});

test('a listener beside a kernel is talked to without a port of ours', async () => {
  await using rendezvous = new LazyRendezvous({ env: { GP_RESPONSE_PORT: 'never read' } });
  const comm = await rendezvous.openComm({ version: 1, kernelId: 'k1', host: '127.0.0.1', port: 1 });
  expect(await comm.isAlive()).toBe(false);
});
