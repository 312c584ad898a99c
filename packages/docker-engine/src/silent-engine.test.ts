import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { configFromEnv, openDockerEngine } from './index.ts';

test('an engine that did not answer in time is asked anew by the next call', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gp-engine-'));
  const path = join(folder, 'engine.sock');
  let answers = false;
  const server = createServer((_, response) => {
    if (answers) response.setHeader('Content-Type', 'application/json').end('{"ApiVersion":"1.41","Version":"x"}');
  }).listen(path);
  await once(server, 'listening');
  const config = await configFromEnv({ DOCKER_HOST: `unix://${path}` });
  // The deadline of the call and that of the first contact pass together.
  const engine = openDockerEngine({ ...config, timeoutMs: 200 });
  try {
    await expect(engine.version()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    answers = true;
    expect((await engine.version({ timeoutMs: 30_000 })).version).toBe('x');
  } finally {
    await engine[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
});
