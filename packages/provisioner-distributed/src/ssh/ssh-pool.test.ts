import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import ssh2 from 'ssh2';
import { silentLogger, systemClock } from '@gateway-provisioners/core';
import { freePort } from '@gateway-provisioners/core/testing';
import { resolveTarget } from './resolve-target.ts';
import type { SshHost } from './ssh-host.ts';
import { SshPool } from './ssh-pool.ts';

let folder: string;
let pool: SshPool;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-ssh-host-'));
  pool = new SshPool({ clock: systemClock, logger: silentLogger });
});
afterEach(async () => {
  pool.dispose();
  await rm(folder, { recursive: true });
});

/** An address where nobody listens. */
async function nobody(config: Parameters<typeof resolveTarget>[1]['config']): Promise<SshHost> {
  const name = `127.0.0.1:${String(await freePort())}`;
  return pool.hostFor(resolveTarget(name, { config, env: { HOME: folder, USER: 'nobody' }, lines: [] }));
}

test('until when a host is avoided stays the same until the next attempt', async () => {
  const host = await nobody({});
  expect(host.avoidUntil).toBeUndefined();
  await expect(host.connected()).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  const answers = new Set(Array.from({ length: 100 }, () => host.avoidUntil));
  expect([...answers]).toEqual([expect.any(Number)]);
});

test('the time that a key takes to be decrypted is not taken from that of the connection', async () => {
  const path = join(folder, 'key');
  const options = { passphrase: 'right', cipher: 'aes256-ctr', rounds: 16 };
  await writeFile(path, ssh2.utils.generateKeyPairSync('ed25519', options).private);
  const host = await nobody({ ssh_key_path: path, ssh_key_passphrase: 'wrong', connect_timeout_ms: 1 });
  await expect(host.connected()).rejects.toMatchObject({
    code: 'HOST_AUTHENTICATION_FAILED',
    message: expect.stringContaining(path),
  });
});
