import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';

/** Bytes of a nonce. */
export const NONCE_BYTES = nacl.box.nonceLength;
/** Bytes of public keys, secret keys, shared keys, tokens and challenges. */
export const KEY_BYTES = nacl.box.publicKeyLength;

/** An X25519 key pair. */
export interface BoxKeys {
  readonly publicKey: Uint8Array;
  /** A secret. */
  readonly secretKey: Uint8Array;
}

export interface SealedBox {
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
}

export function createBoxKeys(): BoxKeys {
  return nacl.box.keyPair();
}

/** The key that both ends of a `box` compute (crypto_box_beforenm): X25519, then HSalsa20. Takes about a millisecond. */
export function sharedKey(theirPublicKey: Uint8Array, ourSecretKey: Uint8Array): Uint8Array {
  return nacl.box.before(theirPublicKey, ourSecretKey);
}

/** Encrypts and authenticates under a fresh random nonce (XSalsa20-Poly1305). */
export function seal(plaintext: Uint8Array, key: Uint8Array): SealedBox {
  const nonce = randomBytes(NONCE_BYTES);
  return { nonce, box: nacl.secretbox(Uint8Array.from(plaintext), Uint8Array.from(nonce), key) };
}

/** The plaintext; undefined when key, nonce or box do not belong together. */
export function unseal({ nonce, box }: SealedBox, key: Uint8Array): Buffer | undefined {
  const opened = nacl.secretbox.open(Uint8Array.from(box), Uint8Array.from(nonce), key);
  return opened === null ? undefined : Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
}
