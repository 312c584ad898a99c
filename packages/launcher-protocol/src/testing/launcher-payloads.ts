import { Buffer } from 'node:buffer';
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { ProvisionerError } from '@gateway-provisioners/core';
import { z } from 'zod';
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts';
import { jsonBytes, parseJsonObject } from '../crypto/json.ts';
import { createBoxKeys, seal, sharedKey, unseal } from '../crypto/nacl.ts';
import { keyBytesSchema, sealedSchema } from '../payload/version2.ts';

/** What a launcher sends of its kernel, as JSON. */
export type LauncherFields = Readonly<Record<string, unknown>>;

/** A payload as launchers of Gateway Provisioners and Enterprise Gateway send it. */
export function encodeVersion1(
  fields: LauncherFields,
  publicKey: string,
  options: { readonly order?: 'python' | 'scala' } = {},
): string {
  const aesKey = randomBytes(16);
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  const encryptedKey = encodeBase64(publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, aesKey));
  const info = encodeBase64(aes(aesKey, jsonBytes(fields)));
  const envelope =
    options.order === 'scala'
      ? JSON.stringify({ key: encryptedKey, conn_info: info, version: 1 }, null, 2)
      : JSON.stringify({ version: 1, key: encryptedKey, conn_info: info });
  return Buffer.from(envelope).toString('base64');
}

/** A payload as the first launchers sent it. */
export function encodeVersion0(fields: LauncherFields, kernelId: string): string {
  return encodeBase64(aes(Buffer.from(kernelId.slice(0, 16)), jsonBytes(fields)));
}

const launchSchema = z.object({
  version: z.literal(2),
  kernel_id: z.string(),
  public_key: keyBytesSchema,
  token: z.string(),
  lease_seconds: z.number(),
  http: z.object({ url: z.string(), token: z.string() }).optional(),
});

export type ReadLauncherV2 = z.infer<typeof launchSchema>;

/** The inside of `GP_LAUNCHER_V2`. */
export function readLauncherV2(text: string): ReadLauncherV2 {
  return launchSchema.parse(parseJsonObject(decodeBase64(text) ?? ''));
}

export interface EncodedEnvelope {
  /** One line. */
  readonly payload: string;
  readonly commKey: Uint8Array;
  /** Understands the listener's reply: whether it took the answer. Throws when the reply is not authentic. */
  readonly isTaken: (reply: string) => boolean;
}

/** An answer of version 2. `overrides` replace fields of the sealed content. */
export function encodeVersion2(
  fields: LauncherFields,
  launch: ReadLauncherV2,
  overrides: LauncherFields = {},
): EncodedEnvelope {
  const keys = createBoxKeys();
  const shared = sharedKey(launch.public_key, keys.secretKey);
  if (shared === undefined) throw new ProvisionerError('INVALID_ARGUMENT', 'the public key of the listener is none');
  const commKey = randomBytes(32);
  const comm = fields['comm_port'] === undefined ? {} : { comm_key: encodeBase64(commKey) };
  const content = { token: launch.token, ...comm, ...fields, ...overrides };
  const { nonce, box } = seal(jsonBytes(content), shared);
  const envelope = {
    version: 2,
    kernel_id: launch.kernel_id,
    public_key: encodeBase64(keys.publicKey),
    nonce: encodeBase64(nonce),
    box: encodeBase64(box),
  };
  return {
    payload: `${JSON.stringify(envelope)}\n`,
    commKey,
    isTaken: (reply) => readReply(reply, launch.kernel_id, shared)['ok'] === true,
  };
}

function readReply(reply: string, kernelId: string, shared: Uint8Array): LauncherFields {
  const outer = parseJsonObject(reply);
  const sealed = sealedSchema.safeParse(outer);
  if (!sealed.success) return { ok: false };
  const plaintext = unseal(sealed.data, shared);
  const fields = plaintext === undefined ? undefined : parseJsonObject(plaintext);
  if (fields?.['to'] === 'launcher' && fields['kernel_id'] === kernelId) return fields;
  throw new ProvisionerError('PROTOCOL_ERROR', 'the reply is not from the listener');
}

function aes(key: Buffer, plaintext: Buffer): Buffer {
  const cipher = createCipheriv('aes-128-ecb', key, null);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}
