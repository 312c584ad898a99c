import { describe, expect, test } from '@jest/globals';
import { processesMarked } from './process-census.ts';
import { startServer } from './server-process.ts';

const answering = `
  const { createServer } = require('node:http');
  const server = createServer((request, response) => {
    const isRight = request.headers.authorization === 'token ' + process.argv[2];
    response.writeHead(isRight ? 200 : 401).end('{}');
  });
  server.listen(Number(process.argv[1]), '127.0.0.1');
`;
const leaking = `${answering}
  const { spawn } = require('node:child_process');
  spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { detached: true, stdio: 'ignore' }).unref();
`;
const deaf = `${answering} process.on('SIGTERM', () => undefined);`;

const start = (program: string, stopTimeoutMs = 10_000) =>
  startServer({
    definition: { name: 'tiny', command: ['{node}', '-e', program, '{port}', '{token}'] },
    timeoutMs: 20_000,
    stopTimeoutMs,
    leftoverTimeoutMs: 1_000,
  });

describe('a server process', () => {
  test('answers with its token, and is gone with its folder after disposal', async () => {
    const server = await start(answering);
    expect((await server.request('api')).status).toBe(200);
    expect((await fetch(new URL('api', server.url))).status).toBe(401);
    await server[Symbol.asyncDispose]();
    await expect(fetch(server.url)).rejects.toThrow();
    expect(await processesMarked(server.scratch.path)).toEqual([]);
  });

  test('that leaves a process behind makes disposal fail, and the process is killed', async () => {
    const server = await start(leaking);
    await expect(server[Symbol.asyncDispose]()).rejects.toThrow('tiny left a process behind');
    expect(await processesMarked(server.scratch.path)).toEqual([]);
  });

  test('that ignores SIGTERM makes disposal fail, and is killed', async () => {
    const server = await start(deaf, 300);
    await expect(server[Symbol.asyncDispose]()).rejects.toThrow('tiny did not end within 300 ms of SIGTERM');
    expect(await processesMarked(server.scratch.path)).toEqual([]);
  });

  test('that ends at once is an error with what it printed', async () => {
    await expect(start(`console.error('no licence'); process.exit(3)`)).rejects.toThrow(
      /tiny did not start: it ended \(3\)\nno licence/,
    );
  });

  test('that does not exist is an error', async () => {
    const definition = { name: 'absent', command: ['/no/such/program', '{port}'] };
    await expect(startServer({ definition })).rejects.toThrow('absent did not start: it ended (could not be started)');
  });
});
