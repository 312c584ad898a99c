import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { configFromEnv, openDockerEngine } from '../index.ts';
import type { DockerEngine } from '../index.ts';

/**
 * Asks a manager whose node and service become another version after each of the first `changes` looks at them, or which
 * takes no change at all; returns the versions that it was to change.
 */
async function versionsAskedFor(
  { changes, takesNone = false }: { readonly changes: number; readonly takesNone?: boolean },
  use: (engine: DockerEngine) => Promise<void>,
): Promise<readonly string[]> {
  const asked: string[] = [];
  let version = 1;
  let left = changes;
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://engine');
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (pathname.endsWith('/version')) answer(200, { ApiVersion: '1.41', Version: 'x' });
    else if (request.method === 'GET') {
      answer(200, { ID: 'id', Version: { Index: version }, Spec: { Name: 'n', Role: 'worker' } });
      if (left-- > 0) version += 1;
    } else {
      asked.push(searchParams.get('version') ?? '');
      if (takesNone) answer(400, { message: 'it must not be changed' });
      else if (searchParams.get('version') !== String(version)) answer(500, { message: 'update out of sequence' });
      else answer(200, {});
    }
  });
  const folder = await mkdtemp(join(tmpdir(), 'gp-manager-'));
  const path = join(folder, 'engine.sock');
  server.listen(path);
  await once(server, 'listening');
  const engine = openDockerEngine(await configFromEnv({ DOCKER_HOST: `unix://${path}`, HOME: '/nonexistent' }));
  try {
    await use(engine);
  } finally {
    await engine[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
  return asked;
}

describe('a change of what the managers change at the same time', () => {
  const changes = [
    { what: 'a node', change: (engine: DockerEngine) => engine.nodes.setAvailability('id', 'pause') },
    { what: 'a service', change: (engine: DockerEngine) => engine.services.update('id', { name: 'n', image: 'i' }) },
  ];

  it.each(changes)('is made to $what as it is then', async ({ change }) => {
    expect(await versionsAskedFor({ changes: 2 }, change)).toEqual(['1', '2', '3']);
  });

  it.each(changes)('of $what that is refused for itself is not made again', async ({ change }) => {
    const asked = await versionsAskedFor({ changes: 0, takesNone: true }, async (engine) => {
      await expect(change(engine)).rejects.toMatchObject({
        code: 'ENGINE_REFUSED',
        message: expect.stringContaining('must not be changed'),
      });
    });
    expect(asked).toEqual(['1']);
  });

  it('is given up when it never comes in time', async () => {
    const asked = await versionsAskedFor({ changes: Infinity }, async (engine) => {
      await expect(engine.nodes.setAvailability('id', 'pause')).rejects.toMatchObject({
        code: 'ENGINE_REFUSED',
        message: expect.stringContaining('out of sequence'),
      });
    });
    expect(asked).toHaveLength(10);
  });
});
