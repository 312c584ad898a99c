import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { ProvisionerError } from './errors.ts';
import { z85Encode } from './z85.ts';

/** A CurveZMQ key pair as Jupyter connection files hold it: Z85, 40 characters each (ZeroMQ RFC 26 and 32). */
export interface CurveKeyPair {
  readonly publicKey: string;
  /** A secret. */
  readonly secretKey: string;
}

const generate = promisify(generateKeyPair);

/** A fresh X25519 key pair. */
export async function createCurveKeys(): Promise<CurveKeyPair> {
  const { privateKey } = await generate('x25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  if (d === undefined || x === undefined) throw new ProvisionerError('INTERNAL', 'no raw form of an X25519 key');
  return { publicKey: z85Encode(Buffer.from(x, 'base64url')), secretKey: z85Encode(Buffer.from(d, 'base64url')) };
}
