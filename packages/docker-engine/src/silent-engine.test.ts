import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ManualClock } from '@gateway-provisioners/core/testing';
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
  const clock = new ManualClock();
  const engine = openDockerEngine({ ...config, timeoutMs: 200 }, { clock });
  try {
    const asked = once(server, 'request');
    const first = engine.version().catch((error: unknown) => error);
    await asked;
    // The deadline of the call and that of the first contact pass together.
    await clock.advance(200);
    expect(await first).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    answers = true;
    expect((await engine.version()).version).toBe('x');
  } finally {
    await engine[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true });
  }
});
