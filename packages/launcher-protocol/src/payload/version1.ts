import { createDecipheriv } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { decodeBase64 } from '../crypto/base64.ts';
import { parseJsonObject } from '../crypto/json.ts';
import { decryptAesKey } from '../crypto/unpad-aes-key.ts';

/**
 * Opens a payload as launchers of Gateway Provisioners and Enterprise Gateway send it: base64 of a JSON object with
 * `version` 1, `key` (RSAES-PKCS1-v1_5 of an AES key, base64) and `conn_info` (AES-128-ECB with PKCS #7 padding of the
 * connection information's JSON, base64), in any order. Returns what `conn_info` holds, unchecked; undefined when
 * anything at all is wrong, the same for every reason.
 */
export function decodeVersion1(payload: string, privateKey: KeyObject): Readonly<Record<string, unknown>> | undefined {
  const blob = decodeBase64(payload);
  const envelope = blob === undefined ? undefined : parseJsonObject(blob);
  if (envelope?.['version'] !== 1) return undefined;
  const key = decodeField(envelope['key']);
  const info = decodeField(envelope['conn_info']);
  if (key === undefined || info === undefined || info.length === 0) return undefined;
  const plaintext = decryptInfo(info, decryptAesKey(key, privateKey));
  return plaintext === undefined ? undefined : parseJsonObject(plaintext);
}

function decodeField(value: unknown): Buffer | undefined {
  return typeof value === 'string' ? decodeBase64(value) : undefined;
}

function decryptInfo(ciphertext: Buffer, aesKey: Buffer): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-128-ecb', aesKey, null);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return undefined;
  }
}
