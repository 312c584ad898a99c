import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { openAuthenticator } from '../auth/token-authenticator.ts';
import { serverCertificate, serverKey } from '../testing/certificates.ts';
import { TOKEN, authorised, createTestGateway } from '../testing/test-gateway.ts';
import type { ErrorJson, TestGateway } from '../testing/test-gateway.ts';

const KERNEL_ID = '0e5f1a52-8f7e-4e40-9d3a-2b8b1f6f3a11';
const everyRoute = [
  ['GET', '/api'],
  ['GET', '/api/status'],
  ['GET', '/api/me'],
  ['GET', '/api/kernels'],
  ['POST', '/api/kernels'],
  ['GET', `/api/kernels/${KERNEL_ID}`],
  ['DELETE', `/api/kernels/${KERNEL_ID}`],
  ['POST', `/api/kernels/${KERNEL_ID}/interrupt`],
  ['POST', `/api/kernels/${KERNEL_ID}/restart`],
  ['GET', `/api/kernels/${KERNEL_ID}/channels`],
  ['GET', '/api/kernelspecs'],
  ['GET', '/api/kernelspecs/python3'],
  ['GET', '/kernelspecs/python3/logo-64x64.png'],
  ['GET', '/api/sessions'],
  ['POST', '/api/sessions'],
  ['PATCH', '/api/sessions/x'],
  ['DELETE', '/api/sessions/x'],
  ['GET', '/no/such/route'],
  ['PUT', '/api'],
] as const;
const anonymous = openAuthenticator({ username: 'default' });

/** Sends bytes as they are and returns all that comes back. */
async function raw(test: TestGateway, request: string): Promise<string> {
  const { port } = new URL(await test.listen());
  const socket = connect(Number(port), '127.0.0.1');
  // Not ended: Node takes the end of a client's side for the end of its interest.
  socket.write(request);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

describe('authentication', () => {
  test.each(everyRoute)('is asked for by %s %s', async (method, url) => {
    await using test = await createTestGateway();
    for (const headers of [
      {},
      { authorization: 'token wrong' },
      { authorization: `Basic ${TOKEN}` },
      { authorization: 'token ' },
    ]) {
      const response = await test.app.inject({ method, url, headers });
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe('token, Bearer');
      expect(response.json()).toMatchObject({ reason: 'Unauthorized', code: 'UNAUTHENTICATED' });
    }
    expect(test.kernels.starts).toHaveLength(0);
  });

  test.each([
    { headers: { authorization: `token ${TOKEN}` }, url: '/api' },
    { headers: { authorization: `Token ${TOKEN}` }, url: '/api' },
    { headers: { authorization: `bearer ${TOKEN}` }, url: '/api' },
    { headers: { authorization: `Bearer ${TOKEN}` }, url: '/api' },
    { headers: {}, url: `/api?token=${TOKEN}` },
    { headers: { authorization: 'Basic abc' }, url: `/api?token=${TOKEN}` },
    { headers: { authorization: `token ${TOKEN}` }, url: '/api?token=wrong' },
  ])('takes $headers at $url', async (request) => {
    await using test = await createTestGateway();
    expect((await test.app.inject(request)).statusCode).toBe(200);
  });

  test('turned off ignores any Authorization header', async () => {
    await using test = await createTestGateway({ authenticator: anonymous });
    for (const authorization of ['token ', 'token something', 'Basic abc', '']) {
      expect((await test.app.inject({ url: '/api', headers: { authorization } })).statusCode).toBe(200);
    }
  });

  test('turned off answers only to names of this machine: a re-bound DNS name gets nothing', async () => {
    await using test = await createTestGateway({ authenticator: anonymous, allowedHosts: ['lab.internal'] });
    const statusFor = async (host: string) =>
      (await test.app.inject({ url: '/api/kernels', headers: { host } })).statusCode;
    for (const host of ['localhost', 'localhost:8888', '127.0.0.1:8888', '127.3.2.1', '[::1]:8888', 'LAB.internal:1']) {
      expect([host, await statusFor(host)]).toEqual([host, 200]);
    }
    for (const host of [
      'evil.example',
      'evil.example:8888',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '10.0.0.1',
    ]) {
      expect([host, await statusFor(host)]).toEqual([host, 403]);
    }
  });

  test('never lets a token into a log', async () => {
    await using test = await createTestGateway();
    await test.app.inject({ url: `/api/kernels?token=${TOKEN}` });
    await test.app.inject({ url: `/nothing?token=${TOKEN}` });
    const kernel = await test.kernels.start({ owner: 'default' });
    const socket = await test.connect(kernel.id, { headers: {}, query: `?token=${TOKEN}&session_id=s` });
    await socket.opened;
    socket.socket.close();
    await socket.closed;
    expect(test.logger.lines.length).toBeGreaterThanOrEqual(2);
    expect(JSON.stringify(test.logger.lines)).not.toContain(TOKEN);
    expect(test.logger.lines.map((line) => line.fields['path'])).toContain('/api/kernels');
  });
});

describe('origins', () => {
  const origin = 'https://evil.example';

  test.each(everyRoute)('foreign ones are refused at %s %s', async (method, url) => {
    await using test = await createTestGateway();
    const response = await test.app.inject({ method, url, headers: { ...authorised, origin } });
    expect(response.statusCode).toBe(403);
    expect(response.json<ErrorJson>().code).toBe('ORIGIN_FORBIDDEN');
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
    expect(response.headers.vary).toBe('Origin');
    expect(test.kernels.starts).toHaveLength(0);
  });

  test('the same host is not foreign, an opaque one is', async () => {
    await using test = await createTestGateway();
    const statusFor = async (from: string) =>
      (await test.app.inject({ url: '/api', headers: { ...authorised, host: 'Lab.example:8888', origin: from } }))
        .statusCode;
    expect(await statusFor('http://lab.example:8888')).toBe(200);
    expect(await statusFor('http://lab.example')).toBe(403);
    expect(await statusFor('null')).toBe(403);
    expect(await statusFor('http://lab.example:8888.evil.example')).toBe(403);
  });

  test('allowed ones get the CORS headers, in errors too', async () => {
    await using test = await createTestGateway({
      origin: {
        allowOrigin: ['https://Lab.Example.org', 'https://two.example'],
        allowCredentials: true,
        exposeHeaders: 'Location',
        maxAge: '600',
      },
    });
    for (const headers of [{ ...authorised }, {}]) {
      const response = await test.app.inject({
        url: '/api',
        headers: { ...headers, origin: 'https://lab.example.org' },
      });
      expect(response.headers).toMatchObject({
        'access-control-allow-origin': 'https://lab.example.org',
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'Location',
        vary: 'Origin',
      });
    }
  });

  test.each(everyRoute.map(([, url]) => url))('a preflight for %s needs no token', async (url) => {
    await using test = await createTestGateway({ origin: { allowOrigin: ['https://lab.example'], maxAge: '600' } });
    const response = await test.app.inject({
      method: 'OPTIONS',
      url,
      headers: { origin: 'https://lab.example', 'access-control-request-method': 'POST' },
    });
    // A path that does not exist has no preflight either.
    expect(response.statusCode).toBe(url === '/no/such/route' ? 404 : 200);
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': 'https://lab.example',
      'access-control-allow-methods': expect.stringContaining('DELETE'),
      'access-control-allow-headers': expect.stringContaining('Authorization'),
      'access-control-max-age': '600',
    });
  });

  test('any may be allowed', async () => {
    await using test = await createTestGateway({ origin: { allowOrigin: ['*'] } });
    const response = await test.app.inject({ url: '/api', headers: { ...authorised, origin: 'null' } });
    expect([response.statusCode, response.headers['access-control-allow-origin']]).toEqual([200, '*']);
  });
});

describe('errors', () => {
  test('inside do not tell where: no stack, no path, but an id that is in the log', async () => {
    await using test = await createTestGateway();
    test.kernels.beforeStart = () => {
      throw new Error('ENOENT /home/operator/.secrets/key.pem');
    };
    const response = await test.app.inject({ method: 'POST', url: '/api/kernels', headers: authorised });
    expect(response.statusCode).toBe(500);
    const body = response.json<ErrorJson>();
    expect(body).toMatchObject({ reason: 'Internal Server Error', code: 'INTERNAL' });
    expect(response.body).not.toMatch(/secrets|\.ts|at /);
    const requestId = /\[request=([^\]]+)\]/.exec(body.message)?.[1];
    expect(test.logger.lines.filter((line) => line.level === 'error')).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ requestId, status: 500 }) }),
    ]);
  });

  test('of what is not HTTP are answered in JSON', async () => {
    await using test = await createTestGateway();
    const answer = await raw(test, 'NOT HTTP AT ALL\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ reason: 'Bad Request' });
  });

  test('no content type, or a strange one, does not keep a body from being read', async () => {
    await using test = await createTestGateway();
    const body = '{"name":"python3"}';
    for (const type of ['', 'Content-Type: text/plain\r\n', 'Content-Type: nonsense\r\n']) {
      const head = `POST /api/kernels?token=${TOKEN} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`;
      const answer = await raw(test, `${head}${type}Content-Length: ${String(body.length)}\r\n\r\n${body}`);
      expect(answer).toMatch(/^HTTP\/1\.1 201 /);
    }
    expect(test.kernels.starts.map((start) => start.name)).toEqual(['python3', 'python3', 'python3']);
  });

  test('never repeat text of the request in the status line or a header', async () => {
    await using test = await createTestGateway();
    const name = 'a%0d%0aSet-Cookie:%20x=1';
    const answer = await raw(
      test,
      `GET /api/kernelspecs/${name}?token=${TOKEN} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    expect(answer.slice(0, answer.indexOf('\r\n\r\n'))).not.toMatch(/set-cookie/i);
  });

  test('of addresses that cannot be decoded are answered in JSON', async () => {
    await using test = await createTestGateway();
    const answer = await raw(test, 'GET /api/kernelspecs/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ code: 'INVALID_REQUEST' });
  });

  test('of an upgrade are answered, not dropped', async () => {
    await using test = await createTestGateway();
    const upgrade = (path: string, extra = '', method = 'GET') =>
      raw(test, `${method} ${path}?token=${TOKEN} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n${extra}\r\n`);
    const kernel = await test.kernels.start({ owner: 'default' });
    const channels = `/api/kernels/${kernel.id}/channels`;
    const websocket = 'Upgrade: websocket\r\n';
    expect(await upgrade(`/api/kernels/${KERNEL_ID}/channels`, websocket)).toMatch(/^HTTP\/1\.1 404 /);
    expect(await upgrade(channels, websocket)).toMatch(/^HTTP\/1\.1 400 .*Sec-WebSocket-Version/s);
    expect(await upgrade(channels, `${websocket}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n`)).toMatch(
      /^HTTP\/1\.1 400 .*Sec-WebSocket-Key/s,
    );
    expect(await upgrade(channels, 'Upgrade: other\r\n')).toMatch(/^HTTP\/1\.1 400 .*WebSocket/s);
    expect(await upgrade('/nothing', websocket)).toMatch(/^HTTP\/1\.1 404 /);
    // An ordinary request that offers HTTP/2, as some clients always do.
    expect(await upgrade('/api', 'Upgrade: h2c\r\n')).toMatch(/^HTTP\/1\.1 200 .*gateway_version/s);
    expect(await upgrade('/api/kernels', 'Upgrade: h2c\r\nContent-Length: 2\r\n', 'POST')).toMatch(
      /^HTTP\/1\.1 400 .*without the Upgrade header/s,
    );
  });
});

describe('stopping', () => {
  test('answers what is under way, refuses the rest, and cuts off at the deadline', async () => {
    const clock = new ManualClock();
    await using test = await createTestGateway({ clock });
    const url = await test.listen();
    const started = test.kernels.holdStarts();
    const launch = fetch(`${url}/api/kernels`, { method: 'POST', headers: authorised });
    await started;
    const stopped = test.gateway.close({ timeoutMs: 200 });
    expect((await test.app.inject({ url: '/api', headers: authorised })).statusCode).toBe(503);
    expect((await test.app.inject('/readyz')).statusCode).toBe(503);
    await clock.advance(200);
    const response = await launch;
    expect(response.headers.get('connection')).toBe('close');
    expect([response.status, ((await response.json()) as ErrorJson).code]).toEqual([503, 'GATEWAY_STOPPING']);
    await stopped;
    await expect(fetch(url)).rejects.toThrow();
  });

  /** Connected, and taken by the server. */
  async function connected(test: TestGateway): Promise<Socket> {
    const { port } = new URL(await test.listen());
    const taken = once(test.app.server, 'connection');
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    await taken;
    return socket;
  }

  test('does not wait for connections on which nothing was asked', async () => {
    await using test = await createTestGateway({ clock: new ManualClock() });
    const socket = await connected(test);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await test.gateway.close({ timeoutMs: 200 });
    socket.resume();
    await closed;
  });

  test('cuts off at the deadline what has not finished its TLS handshake', async () => {
    const clock = new ManualClock();
    await using test = await createTestGateway({ clock, tls: { cert: serverCertificate, key: serverKey } });
    const socket = await connected(test);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const stopped = test.gateway.close({ timeoutMs: 200 });
    await clock.advance(450);
    await stopped;
    socket.resume();
    await closed;
  });
});
