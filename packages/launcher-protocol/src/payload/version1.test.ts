import { Buffer } from 'node:buffer';
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createResponseKeys } from '../crypto/rsa-keys.ts';
import { decryptAesKey } from '../crypto/unpad-aes-key.ts';
import { loadVectors, rsaKeys } from '../testing/vectors.ts';
import { decodeVersion1 } from './version1.ts';

const vectors = await loadVectors.version1();
const keys = rsaKeys(vectors);
const keyOf = (bits: number): KeyObject => keys.get(bits)!;

describe('payload of version 1', () => {
  test.each(vectors.accepted)('opens $name', ({ rsa_bits: bits, payload, expected }) => {
    expect(decodeVersion1(payload, keyOf(bits))).toEqual(expected);
  });

  test.each(vectors.refused)('refuses: $name', ({ rsa_bits: bits, payload }) => {
    expect(decodeVersion1(payload, keyOf(bits))).toBeUndefined();
  });

  test('a payload with a line end is the same payload', () => {
    const { payload, rsa_bits: bits, expected } = vectors.accepted[0]!;
    expect(decodeVersion1(`${payload}\r\n`, keyOf(bits))).toEqual(expected);
  });

  test('any change of one character is refused or gives the same information', () => {
    const { payload, rsa_bits: bits, expected } = vectors.accepted[0]!;
    const characters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=% \n');
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.constantFrom(...characters), (at, character) => {
        const changed = payload.slice(0, at) + character + payload.slice(at + 1);
        const info = decodeVersion1(changed, keyOf(bits));
        // ECB has no integrity: a changed block of conn_info may leave its JSON readable, but never its length.
        if (info !== undefined) expect(Object.keys(info).length).toBe(Object.keys(expected).length);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('information of any content comes through', async () => {
    const { privateKey, publicKeyText } = await createResponseKeys(2048);
    const key = createPublicKey({ key: Buffer.from(publicKeyText, 'base64'), format: 'der', type: 'spki' });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        const aesKey = randomBytes(16);
        const cipher = createCipheriv('aes-128-ecb', aesKey, null);
        const envelope = {
          conn_info: cipher.update(text, 'utf8', 'base64') + cipher.final('base64'),
          version: 1,
          key: publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, aesKey).toString('base64'),
        };
        const payload = Buffer.from(JSON.stringify(envelope)).toString('base64');
        expect(decodeVersion1(payload, privateKey)).toEqual(JSON.parse(text));
      }),
      { numRuns: 50 },
    );
  });
});

describe('decryptAesKey', () => {
  const [publicKey, privateKey] = [createPublicKey(keyOf(1024)), keyOf(1024)];
  const aesKey = Buffer.from('0123456789abcdef');
  const good = Buffer.concat([Buffer.from([0, 2]), Buffer.alloc(128 - 2 - 17, 9), Buffer.from([0]), aesKey]);
  const decrypt = (block: Buffer) =>
    decryptAesKey(publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block), privateKey);

  test('finds the key after correct padding', () => {
    expect(decrypt(good)).toEqual(aesKey);
  });

  test.each([
    ['first byte', 0, 1],
    ['second byte', 1, 1],
    ['a zero in the padding', 2, 0],
    ['a zero at the end of the padding', 128 - 18, 0],
    ['no zero before the key', 128 - 17, 1],
  ])('%s wrong: a random key, another each time', (_, at, value) => {
    const bad = Buffer.from(good);
    bad[at] = value;
    const [first, second] = [decrypt(bad), decrypt(bad)];
    expect(first).toHaveLength(16);
    expect(first).not.toEqual(aesKey);
    expect(first).not.toEqual(second);
  });

  test('a ciphertext of any length and content gives a key, never an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decryptAesKey(bytes, privateKey)).toHaveLength(16);
      }),
      { numRuns: 100 },
    );
  });
});
