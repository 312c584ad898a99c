import { generateKeyPair } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { encodeBase64 } from './base64.ts';

/** The key pair under which launchers of version 1 send their AES keys. */
export interface ResponseKeys {
  readonly privateKey: KeyObject;
  /** DER SubjectPublicKeyInfo in base64, one line: what launchers get as `--public-key`. */
  readonly publicKeyText: string;
}

const generate = promisify(generateKeyPair);

/** Generated on a thread of libuv's pool, never on the main one: 2048 bits take some 100 ms, 4096 seconds. */
export async function createResponseKeys(modulusBits: number): Promise<ResponseKeys> {
  const { privateKey, publicKey } = await generate('rsa', { modulusLength: modulusBits });
  return { privateKey, publicKeyText: encodeBase64(publicKey.export({ type: 'spki', format: 'der' })) };
}
