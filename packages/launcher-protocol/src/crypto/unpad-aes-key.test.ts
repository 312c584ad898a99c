import { constants, generateKeyPairSync, publicEncrypt } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { decryptAesKey } from './unpad-aes-key.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });

test('the key comes out as it was encrypted', () => {
  const aesKey = Buffer.alloc(16, 7);
  const encrypted = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, aesKey);
  expect(decryptAesKey(encrypted, privateKey)).toEqual(aesKey);
});

test.each([
  ['of another length than the modulus', Buffer.alloc(129, 1)],
  ['not below the modulus', Buffer.alloc(128, 0xff)],
  ['of a wrong padding', Buffer.alloc(128, 1)],
])('a number %s gives a random key, and no error', (_what, encrypted) => {
  const keys = [decryptAesKey(encrypted, privateKey), decryptAesKey(encrypted, privateKey)];
  expect(keys.map((key) => key.length)).toEqual([16, 16]);
  expect(keys[0]).not.toEqual(keys[1]);
});
