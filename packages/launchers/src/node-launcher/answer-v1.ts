import { Buffer } from 'node:buffer';
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { LauncherError } from './launcher-error.ts';
import type { LauncherInfo } from './connection-info.ts';

const AES_KEY_BYTES = 16;
const MIN_RSA_BITS = 1024;

/** Errors: {@link LauncherError} when the text is no RSA public key of 1024 bits or more. */
export function parsePublicKey(text: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(text.replace(/\s/g, ''), 'base64'), format: 'der', type: 'spki' });
  } catch {
    throw new LauncherError('--public-key is not a public key (DER SubjectPublicKeyInfo in base64)');
  }
  if (key.asymmetricKeyType !== 'rsa') throw new LauncherError('--public-key is not an RSA key');
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS) return key;
  throw new LauncherError(`--public-key has fewer than ${String(MIN_RSA_BITS)} bits`);
}

/** AES-128-ECB with PKCS #7 padding. */
export function encryptInfo(json: string, aesKey: Uint8Array): string {
  const cipher = createCipheriv('aes-128-ecb', aesKey, null);
  return Buffer.concat([cipher.update(json, 'utf8'), cipher.final()]).toString('base64');
}

/** RSAES-PKCS1-v1_5. */
export function encryptAesKey(aesKey: Uint8Array, publicKey: KeyObject): string {
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, aesKey).toString('base64');
}

/** The answer of version 1, as it is sent. */
export function encodeVersion1(info: LauncherInfo, publicKey: KeyObject): string {
  const aesKey = randomBytes(AES_KEY_BYTES);
  const envelope = {
    version: 1,
    key: encryptAesKey(aesKey, publicKey),
    conn_info: encryptInfo(JSON.stringify(info), aesKey),
  };
  return Buffer.from(JSON.stringify(envelope)).toString('base64');
}
