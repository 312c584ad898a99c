import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { ProvisionerError } from '@gateway-provisioners/core';
import nacl from 'tweetnacl';
import { generateX25519, x25519 } from './x25519.ts';

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
  return generateX25519();
}

/**
 * The key that both ends of a `box` compute (crypto_box_beforenm): HSalsa20 of the X25519 product. Undefined for a
 * public key that is none.
 */
export function sharedKey(theirPublicKey: Uint8Array, ourSecretKey: Uint8Array): Uint8Array | undefined {
  const product = x25519(theirPublicKey, ourSecretKey);
  if (product === undefined) return undefined;
  const key = new Uint8Array(KEY_BYTES);
  hsalsa20(key, new Uint8Array(16), Uint8Array.from(product), SIGMA);
  return key;
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

type HSalsa20 = (...parts: [out: Uint8Array, input: Uint8Array, key: Uint8Array, constants: Uint8Array]) => void;

const SIGMA = Uint8Array.from(Buffer.from('expand 32-byte k'));
const hsalsa20 = findHSalsa20();

/** tweetnacl exports its parts under `lowlevel`, which its types leave out. */
function findHSalsa20(): HSalsa20 {
  const parts: unknown = Reflect.get(nacl, 'lowlevel');
  if (isObject(parts) && isHSalsa20(parts['crypto_core_hsalsa20'])) return parts['crypto_core_hsalsa20'];
  throw new ProvisionerError('INTERNAL', 'this version of tweetnacl has no crypto_core_hsalsa20');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isHSalsa20(value: unknown): value is HSalsa20 {
  return typeof value === 'function' && value.length === 4;
}
