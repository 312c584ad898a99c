import { Buffer } from 'node:buffer';
import { createDecipheriv } from 'node:crypto';
import { decodeBase64 } from '../crypto/base64.ts';
import { parseJsonObject } from '../crypto/json.ts';

const KEY_BYTES = 16;

/**
 * Opens a payload of the first launchers, which has no envelope: base64 of AES-128-ECB under the first 16 characters of
 * the kernel's id. It can only be tried against ids that are being waited for. The padding (`%`, or control characters)
 * follows the last `}`. Whoever knows a kernel's id can forge this: it is off unless the operator asks for it.
 */
export function decodeVersion0(
  payload: string,
  kernelIds: Iterable<string>,
): { readonly kernelId: string; readonly info: Readonly<Record<string, unknown>> } | undefined {
  const ciphertext = decodeBase64(payload);
  if (ciphertext === undefined || ciphertext.length === 0 || ciphertext.length % KEY_BYTES !== 0) return undefined;
  for (const kernelId of kernelIds) {
    const info = decodeWith(ciphertext, kernelId);
    if (info !== undefined && (info['kernel_id'] ?? kernelId) === kernelId) {
      return { kernelId, info: { ...info, kernel_id: kernelId } };
    }
  }
  return undefined;
}

function decodeWith(ciphertext: Buffer, kernelId: string): Readonly<Record<string, unknown>> | undefined {
  const key = Buffer.from(kernelId.slice(0, KEY_BYTES));
  if (key.length !== KEY_BYTES) return undefined;
  const decipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  const start = decipher.update(ciphertext.subarray(0, KEY_BYTES));
  // One block tells a wrong key: with many launches waiting, the rest need not be decrypted for each.
  if (!start.toString('latin1').trimStart().startsWith('{')) return undefined;
  const plaintext = Buffer.concat([start, decipher.update(ciphertext.subarray(KEY_BYTES)), decipher.final()]);
  return parseJsonObject(plaintext.subarray(0, plaintext.lastIndexOf('}') + 1));
}
