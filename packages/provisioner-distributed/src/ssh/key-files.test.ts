import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import ssh2 from 'ssh2';
import { systemClock } from '@gateway-provisioners/core';
import { KeyFiles, decryptInWorker } from './key-files.ts';

let folder: string;
let workers = 0;
const keyFiles = (): KeyFiles =>
  new KeyFiles(async (...args) => {
    workers += 1;
    return await decryptInWorker(...args);
  });
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-keys-'));
  workers = 0;
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const locked = { passphrase: 'right', cipher: 'aes256-ctr', rounds: 4 } as const;
const options = (passphrase: string) => ({ required: true, passphrase, clock: systemClock });

const kinds = {
  ed25519: () => ssh2.utils.generateKeyPairSync('ed25519', locked),
  rsa: () => ssh2.utils.generateKeyPairSync('rsa', { bits: 2048, ...locked }),
  ecdsa: () => ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256, ...locked }),
} satisfies Readonly<Record<string, () => { readonly private: string; readonly public: string }>>;

test.each(['ed25519', 'rsa', 'ecdsa'] as const)(
  'an encrypted %s key is decrypted once, whoever asks and how often',
  async (kind) => {
    const pair = kinds[kind]();
    const [path, copy] = [join(folder, 'key'), join(folder, 'copy')];
    for (const one of [path, copy]) await writeFile(one, pair.private);
    const keys = keyFiles();
    const both = await Promise.all([path, copy].map(async (one) => await keys.read(one, options('right'))));
    const again = await keys.read(path, options('right'));
    expect(new Set([...both, again]).size).toBe(1);
    expect(workers).toBe(1);
    const parsed = ssh2.utils.parseKey(again ?? '');
    if (parsed instanceof Error) throw parsed;
    expect(`${parsed.type} ${parsed.getPublicSSH().toString('base64')}`).toBe(pair.public.trim());
  },
);

test('a wrong passphrase is tried anew each time; the error names the file', async () => {
  const path = join(folder, 'key');
  await writeFile(path, kinds.ed25519().private);
  const keys = keyFiles();
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    await expect(keys.read(path, options('wrong'))).rejects.toMatchObject({
      code: 'HOST_AUTHENTICATION_FAILED',
      message: expect.stringContaining(path),
    });
    expect(workers).toBe(attempt);
  }
  expect(await keys.read(path, options('right'))).toBeDefined();
});
