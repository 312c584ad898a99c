import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDockerEngine } from './index.ts';

/** A program `ssh` that notes its arguments and carries bytes to a server of this test. */
const fakeSsh = (script: string) => `#!${process.execPath}
const { writeFileSync } = require('node:fs');
writeFileSync(__dirname + '/argv.json', JSON.stringify(process.argv.slice(2)));
${script}
`;

describe('an engine over ssh', () => {
  let bin = '';
  beforeAll(async () => {
    bin = await mkdtemp(join(tmpdir(), 'gp-ssh-'));
  });
  afterAll(async () => {
    await rm(bin, { recursive: true });
  });

  const engineWith = async (script: string) => {
    await writeFile(join(bin, 'ssh'), fakeSsh(script));
    await chmod(join(bin, 'ssh'), 0o755);
    const transport = { kind: 'ssh', destination: 'me@far', port: 2222 } as const;
    return openDockerEngine({ transport, configDir: '/nonexistent', env: { PATH: bin } });
  };

  it('speaks HTTP through the constant command of the Docker CLI', async () => {
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      if (request.url?.startsWith('/version') === true) response.end('{"ApiVersion":"1.41","Version":"20.10"}');
      else response.end('{"Id":"net","Name":"bridge"}');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const engine = await engineWith(
      `const s = require('node:net').connect(${port}, '127.0.0.1'); process.stdin.pipe(s); s.pipe(process.stdout);`,
    );
    expect((await engine.version()).apiVersion).toBe('1.41');
    expect((await engine.networks.inspect('bridge'))?.name).toBe('bridge');
    const argv: unknown = JSON.parse(await readFile(join(bin, 'argv.json'), 'utf8'));
    expect(argv).toEqual([
      ...['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20', '-T', '-p', '2222', '--', 'me@far'],
      ...['docker', 'system', 'dial-stdio'],
    ]);
    await engine[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });

  it('that cannot be reached is ENGINE_UNAVAILABLE with what ssh said', async () => {
    const engine = await engineWith(
      `process.stderr.write('me@far: Permission denied (publickey).'); process.exitCode = 255;`,
    );
    await expect(engine.ping()).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      message: expect.stringContaining('Permission denied'),
    });
    await engine[Symbol.asyncDispose]();
  });
});
