import { Buffer } from 'node:buffer';
import { constants, privateDecrypt, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

const AES_KEY_BYTES = 16;

/**
 * Decrypts an AES key that was encrypted with RSAES-PKCS1-v1_5, without an oracle: whatever is wrong with the padding,
 * the result is a random key, found in the same time, and the failure only shows where that key decrypts nothing.
 * By hand, because Node without implicit rejection in its OpenSSL (Node 20) refuses this padding (CVE-2023-46809).
 */
export function decryptAesKey(ciphertext: Uint8Array, privateKey: KeyObject): Buffer {
  const random = randomBytes(AES_KEY_BYTES);
  let block: Buffer;
  try {
    block = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, ciphertext);
  } catch {
    // Longer than the modulus, or a number not below it: known from the public key, so nothing is given away.
    return random;
  }
  return unpad(block, random);
}

/** 00 02, at least eight bytes that are not 00, 00, the key: since its length is known, so is the place of each. */
function unpad(block: Buffer, random: Buffer): Buffer {
  const separator = block.length - AES_KEY_BYTES - 1;
  let bad = isNotZero(byteAt(block, 0)) | isNotZero(byteAt(block, 1) ^ 2) | isNotZero(byteAt(block, separator));
  for (let at = 2; at < separator; at += 1) bad |= 1 ^ isNotZero(byteAt(block, at));
  const takeRandom = -bad & 0xff;
  const key = Buffer.alloc(AES_KEY_BYTES);
  for (let at = 0; at < AES_KEY_BYTES; at += 1) {
    key[at] = (byteAt(random, at) & takeRandom) | (byteAt(block, separator + 1 + at) & ~takeRandom);
  }
  return key;
}

/** 1 for 1..255, 0 for 0, without a branch. */
function isNotZero(byte: number): number {
  return (-byte >>> 31) & 1;
}

function byteAt(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0;
}
