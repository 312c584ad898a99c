import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';

/** Bytes of keys, tokens and challenges. */
export const KEY_BYTES = 32;
/** Bytes of a nonce. */
export const NONCE_BYTES = 24;

/** An X25519 key pair; `secretKey` is a secret. */
export interface BoxKeys {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

export function createBoxKeys(): BoxKeys {
  return nacl.box.keyPair.fromSecretKey(Uint8Array.from(randomBytes(KEY_BYTES)));
}

/** crypto_box_beforenm; undefined for a public key that is none, with which anybody would know the result. */
export function sharedKey(theirPublicKey: Uint8Array, ourSecretKey: Uint8Array): Uint8Array | undefined {
  if (theirPublicKey.length !== KEY_BYTES) return undefined;
  const [theirs, ours] = [Uint8Array.from(theirPublicKey), Uint8Array.from(ourSecretKey)];
  if (nacl.scalarMult(ours, theirs).every((byte) => byte === 0)) return undefined;
  return nacl.box.before(theirs, ours);
}

/** crypto_secretbox_easy. */
export function seal(plaintext: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  return nacl.secretbox(Uint8Array.from(plaintext), Uint8Array.from(nonce), Uint8Array.from(key));
}

/** The plaintext; undefined when key, nonce or box do not belong together. */
export function unseal(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Buffer | undefined {
  if (nonce.length !== NONCE_BYTES || key.length !== KEY_BYTES) return undefined;
  const opened = nacl.secretbox.open(Uint8Array.from(box), Uint8Array.from(nonce), Uint8Array.from(key));
  return opened === null ? undefined : Buffer.from(opened);
}

/** Standard base64 with padding; undefined for anything else. */
export function fromBase64(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
