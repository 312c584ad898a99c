import { expect, test } from '@jest/globals';
import { openRawClient } from '../clients/raw-client.ts';
import { gatewayDefinition } from '../support/gateway-under-test.ts';
import { startServer } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import { until } from '../support/until.ts';
import { swarmKernels } from './swarm-kernels.ts';

const plain = { name: 'Plain', image: 'gp-test/kernel-py' };
const special = { name: 'Special', image: 'gp-test/kernel-py' };

test('a gateway lists the images that its user may have: those start, others are refused', async () => {
  await using kernels = await swarmKernels({
    python: {
      image_name: undefined,
      images: [
        { ...plain, env: { OF: 'all' } },
        { ...special, env: { OF: 'alice' }, access: ['alice'] },
      ],
      use_user_options: true,
    },
    private: { authorized_users: ['alice'] },
  });
  const started = async (user: string): Promise<RunningServer> =>
    await startServer({
      definition: { ...gatewayDefinition({ args: ['--default-user', user] }), env: kernels.env },
    });
  await using ofAlice = await started('alice');
  await using ofBob = await started('bob');

  const usual = { ...plain, default: true };
  expect(await answer(ofAlice, 'api/kernelspecs/python/images')).toEqual([200, { images: [usual, special] }]);
  expect(await answer(ofBob, 'api/kernelspecs/python/images?user=alice')).toEqual([200, { images: [usual] }]);
  const { image } = plain;
  expect(await answer(ofAlice, 'api/kernelspecs/private/images')).toEqual([
    200,
    { images: [{ name: image, image, default: true }] },
  ]);
  expect(await answer(ofBob, 'api/kernelspecs/private/images')).toEqual([403, refusal]);

  const body = JSON.stringify({ name: 'python', env: { KERNEL_IMAGE: special.name } });
  expect(await answer(ofBob, 'api/kernels', { method: 'POST', body })).toEqual([403, refusal]);
  const [status, model] = await answer(ofAlice, 'api/kernels', { method: 'POST', body });
  expect([status, model]).toEqual([201, expect.objectContaining({ id: expect.any(String) })]);
  const { id } = model as { readonly id: string };
  expect(await printedBy(ofAlice, id, 'import os; print(os.environ["OF"])')).toBe('alice\n');
  expect((await ofAlice.request(`api/kernels/${id}`, { method: 'DELETE' })).status).toBe(204);
  await until(
    { what: 'the service to be removed', timeoutMs: 60_000 },
    async () => (await kernels.leftovers(id)).length === 0,
  );
}, 300_000);

const refusal = expect.objectContaining({ code: 'FORBIDDEN', message: expect.any(String) });

async function answer(server: RunningServer, path: string, init?: RequestInit): Promise<readonly [number, unknown]> {
  const response = await server.request(path, init);
  return [response.status, await response.json()];
}

async function printedBy(server: RunningServer, kernelId: string, code: string): Promise<unknown> {
  await using client = await openRawClient({ server, kernelId });
  const request = { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
  const cell = client.send('shell', 'execute_request', request);
  const { content } = await client.message(
    ({ header, parent_header: parent }) => parent.msg_id === cell && header.msg_type === 'stream',
    'output of the cell',
  );
  return content['text'];
}
