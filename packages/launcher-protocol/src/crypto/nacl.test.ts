import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import nacl from 'tweetnacl';
import { loadVectors } from '../testing/vectors.ts';
import { createBoxKeys, seal, sharedKey, unseal } from './nacl.ts';

function shared(publicKey: Uint8Array, secretKey: Uint8Array): Uint8Array {
  const key = sharedKey(publicKey, secretKey);
  if (key === undefined) throw new Error('no key');
  return key;
}

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const vectors = await loadVectors.box();
const { published, sender, recipient } = vectors;

describe('box', () => {
  test('gives what was published with NaCl', () => {
    const key = shared(bytes(published.public_key), bytes(published.secret_key));
    expect(Buffer.from(key).toString('base64')).toBe(published.shared_key);
    const plaintext = bytes(published.plaintext);
    const box = Buffer.concat([bytes(published.tag), nacl.secretbox(plaintext, bytes(published.nonce), key).slice(16)]);
    expect(unseal({ nonce: bytes(published.nonce), box }, key)).toEqual(Buffer.from(plaintext));
  });

  test('both ends compute the same key, which is that of crypto_box_beforenm', () => {
    const ours = shared(bytes(recipient.public_key), bytes(sender.secret_key));
    expect(Buffer.from(ours).toString('base64')).toBe(vectors.shared_key);
    expect(shared(bytes(sender.public_key), bytes(recipient.secret_key))).toEqual(ours);
    const { publicKey, secretKey } = createBoxKeys();
    expect(shared(bytes(sender.public_key), secretKey)).toEqual(nacl.box.before(bytes(sender.public_key), secretKey));
    expect(nacl.box.keyPair.fromSecretKey(secretKey).publicKey).toEqual(publicKey);
  });

  test.each([
    ['0', Buffer.alloc(32)],
    ['1', Buffer.from([1, ...Buffer.alloc(31)])],
    ['2^255-19', Buffer.from([0xed, ...Buffer.alloc(30, 0xff), 0x7f])],
    ['of 31 bytes', Buffer.alloc(31, 9)],
  ])('there is no key with the public key %s', (_, publicKey) => {
    expect(sharedKey(publicKey, bytes(sender.secret_key))).toBeUndefined();
  });

  test.each(vectors.boxes)('opens $name', ({ nonce, box, plaintext }) => {
    expect(unseal({ nonce: bytes(nonce), box: bytes(box) }, bytes(vectors.shared_key))?.toString('base64')).toBe(
      plaintext,
    );
  });

  test.each(vectors.refused)('refuses: $name', ({ nonce, box }) => {
    expect(unseal({ nonce: bytes(nonce), box: bytes(box) }, bytes(vectors.shared_key))).toBeUndefined();
  });

  test('seals under a fresh nonce what the other end opens', () => {
    const [left, right] = [createBoxKeys(), createBoxKeys()];
    const first = seal(Buffer.from('text'), shared(right.publicKey, left.secretKey));
    const second = seal(Buffer.from('text'), shared(right.publicKey, left.secretKey));
    expect(unseal(first, shared(left.publicKey, right.secretKey))?.toString()).toBe('text');
    expect(second.nonce).not.toEqual(first.nonce);
    expect(unseal(first, shared(left.publicKey, left.secretKey))).toBeUndefined();
  });
});
