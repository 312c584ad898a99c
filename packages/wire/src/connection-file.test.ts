import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import { readConnectionFile, writeConnectionFile } from './connection-file.ts';

const info: ConnectionInfo = {
  transport: 'tcp',
  ip: '::1',
  shell_port: 1,
  iopub_port: 2,
  stdin_port: 3,
  control_port: 4,
  hb_port: 5,
  key: 'the-key',
  signature_scheme: 'hmac-sha256',
};

describe('connection files', () => {
  let folder = '';
  let path = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wire-'));
    path = join(folder, 'kernel-1.json');
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('what is written is read, and only the owner may read it', async () => {
    await writeConnectionFile(path, info);
    await expect(readConnectionFile(path)).resolves.toEqual(info);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['kernel-1.json']);
  });

  test('writing over a file that others could read makes it private', async () => {
    await writeFile(path, '{}');
    await chmod(path, 0o644);
    await writeConnectionFile(path, info);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('a write that fails leaves the old file and nothing else', async () => {
    await writeConnectionFile(path, info);
    await expect(writeConnectionFile(path, { ...info, shell_port: 0 })).rejects.toThrow('shell_port is not a port');
    await expect(writeConnectionFile(join(folder, 'gone', 'k.json'), info)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(writeConnectionFile(folder, info)).rejects.toMatchObject({ syscall: 'rename' });
    expect(await readdir(folder)).toEqual(['kernel-1.json']);
    await expect(readConnectionFile(path)).resolves.toEqual(info);
  });

  test('a bad file is named, with what is wrong, without what is secret', async () => {
    await expect(readConnectionFile(path)).rejects.toMatchObject({
      code: 'INVALID_CONNECTION_INFO',
      message: expect.stringMatching(/^connection file .*kernel-1\.json: .*ENOENT/),
    });
    await writeFile(path, '{"key":"the-key",');
    const failure: unknown = await readConnectionFile(path).catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: `connection file ${path}: it is not JSON` });
    expect(failure).not.toHaveProperty('cause');
    await writeFile(path, '{}');
    await expect(readConnectionFile(path)).rejects.toThrow('hb_port is missing');
  });

  test('reading stops when aborted', async () => {
    await writeFile(path, await readFile(new URL(import.meta.url)));
    const controller = new AbortController();
    const reading = readConnectionFile(path, { signal: controller.signal });
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(readConnectionFile(path, { signal: controller.signal })).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
