import { Buffer } from 'node:buffer';
import { createPublicKey, createPrivateKey, diffieHellman } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { loadVectors } from '../testing/vectors.ts';
import { createBoxKeys, seal, sharedKey, unseal } from './nacl.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
const vectors = await loadVectors.box();
const { published, sender, recipient } = vectors;

describe('box', () => {
  test('gives what was published with NaCl', () => {
    const shared = sharedKey(bytes(published.public_key), bytes(published.secret_key));
    expect(Buffer.from(shared).toString('base64')).toBe(published.shared_key);
  });

  test('both ends compute the same key', () => {
    const ours = sharedKey(bytes(recipient.public_key), bytes(sender.secret_key));
    expect(Buffer.from(ours).toString('base64')).toBe(vectors.shared_key);
    expect(sharedKey(bytes(sender.public_key), bytes(recipient.secret_key))).toEqual(ours);
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
    const first = seal(Buffer.from('text'), sharedKey(right.publicKey, left.secretKey));
    const second = seal(Buffer.from('text'), sharedKey(right.publicKey, left.secretKey));
    expect(unseal(first, sharedKey(left.publicKey, right.secretKey))?.toString()).toBe('text');
    expect(second.nonce).not.toEqual(first.nonce);
    expect(unseal(first, sharedKey(left.publicKey, left.secretKey))).toBeUndefined();
  });

  test("keys agree with Node's own X25519", () => {
    const { publicKey, secretKey } = createBoxKeys();
    const jwk = { kty: 'OKP', crv: 'X25519', x: Buffer.from(publicKey).toString('base64url') };
    const d = Buffer.from(secretKey).toString('base64url');
    const privateKey = createPrivateKey({ key: { ...jwk, d }, format: 'jwk' });
    const theirs = createPublicKey({ key: jwk, format: 'jwk' });
    expect(diffieHellman({ privateKey, publicKey: theirs })).toHaveLength(32);
    expect(createPublicKey(privateKey).export({ format: 'jwk' })).toMatchObject({ x: jwk.x });
  });
});
