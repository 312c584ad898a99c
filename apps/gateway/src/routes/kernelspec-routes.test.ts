import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createKernelSpecs } from '@gateway-provisioners/kernelspec';
import { SECRET_IN_SPEC, authorised, createTestGateway } from '../testing/test-gateway.ts';
import type { KernelSpecsJson } from '../testing/test-gateway.ts';

const headers = authorised;

describe('kernelspecs', () => {
  test('are listed with the default and the addresses of their files', async () => {
    await using test = await createTestGateway({ baseUrl: '/hub/user' });
    const response = await test.app.inject({ url: '/hub/user/api/kernelspecs', headers });
    expect(response.statusCode).toBe(200);
    const listing = response.json<KernelSpecsJson>();
    expect(listing.default).toBe('python3');
    expect(Object.keys(listing.kernelspecs).sort()).toEqual(['other', 'python3']);
    expect(listing.kernelspecs['python3']).toEqual({
      name: 'python3',
      spec: {
        argv: ['python3', '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
        env: {},
        display_name: 'Python 3',
        language: 'python',
        interrupt_mode: 'signal',
        metadata: { debugger: true, kernel_provisioner: { provisioner_name: 'local-provisioner' } },
      },
      resources: {
        'kernel.js': '/hub/user/kernelspecs/python3/kernel.js',
        'logo-64x64': '/hub/user/kernelspecs/python3/logo-64x64.png',
        'logo-svg': '/hub/user/kernelspecs/python3/logo-svg.svg',
      },
    });
  });

  test('never show the environment or settings of a kernelspec', async () => {
    await using test = await createTestGateway();
    for (const url of ['/api/kernelspecs', '/api/kernelspecs/python3', '/api/kernelspecs?user=alice']) {
      const response = await test.app.inject({ url, headers });
      expect(response.statusCode).toBe(200);
      expect(response.body).not.toContain(SECRET_IN_SPEC);
    }
  });

  test('are found by name in any case; an unknown one is 404 with close names', async () => {
    await using test = await createTestGateway();
    expect((await test.app.inject({ url: '/api/kernelspecs/PYTHON3', headers })).json<{ name: string }>().name).toBe(
      'python3',
    );
    const missing = await test.app.inject({ url: '/api/kernelspecs/pyton3', headers });
    expect(missing.statusCode).toBe(404);
    expect(missing.json()).toMatchObject({ code: 'KERNELSPEC_NOT_FOUND', message: expect.stringContaining('python3') });
  });

  test('that are not allowed exist on no route', async () => {
    await using plain = await createTestGateway();
    const searchPath = [join(plain.rootDir, '..', 'kernels')];
    await using kernelspecs = await createKernelSpecs({ env: {}, searchPath, allowed: ['other'] });
    await using test = await createTestGateway({ kernelspecs });
    const listing = (await test.app.inject({ url: '/api/kernelspecs', headers })).json<KernelSpecsJson>();
    expect(Object.keys(listing.kernelspecs)).toEqual(['other']);
    for (const url of ['/api/kernelspecs/python3', '/kernelspecs/python3/logo-64x64.png']) {
      expect((await test.app.inject({ url, headers })).statusCode).toBe(404);
    }
  });

  test('whose folder vanishes are 404, and the others stay', async () => {
    await using test = await createTestGateway();
    await rm(join(test.rootDir, '..', 'kernels', 'python3'), { recursive: true });
    expect((await test.app.inject({ url: '/api/kernelspecs/python3', headers })).statusCode).toBe(404);
    expect((await test.app.inject({ url: '/kernelspecs/python3/logo-64x64.png', headers })).statusCode).toBe(404);
    const listing = await test.app.inject({ url: '/api/kernelspecs', headers });
    expect(Object.keys(listing.json<KernelSpecsJson>().kernelspecs)).toEqual(['other']);
  });
});

describe('files of a kernelspec', () => {
  test.each([
    ['logo-64x64.png', 'image/png'],
    ['logo-svg.svg', 'image/svg+xml'],
    ['kernel.js', 'text/javascript; charset=utf-8'],
  ])('%s is served as %s, and not again when it is unchanged', async (file, type) => {
    await using test = await createTestGateway();
    const url = `/kernelspecs/python3/${file}`;
    const first = await test.app.inject({ url, headers });
    expect([first.statusCode, first.headers['content-type']]).toEqual([200, type]);
    expect(first.headers['x-content-type-options']).toBe('nosniff');
    const head = await test.app.inject({ method: 'HEAD', url, headers });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([
      200,
      String(first.rawPayload.length),
      '',
    ]);
    const again = await test.app.inject({ url, headers: { ...headers, 'if-none-match': String(first.headers.etag) } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  test.each([
    'kernel.json',
    'bin/run.sh',
    '../other/kernel.json',
    '..%2fother%2fkernel.json',
    '%2e%2e/%2e%2e/root',
    'logo-x/../kernel.json',
    'logo-64x64.png/',
    'nothing.png',
    '',
  ])('%s is not served', async (file) => {
    await using test = await createTestGateway();
    const response = await test.app.inject({ url: `/kernelspecs/python3/${file}`, headers });
    expect(response.statusCode).toBe(404);
    expect(response.body).not.toContain(SECRET_IN_SPEC);
    expect(response.body).not.toContain(test.rootDir);
  });
});
