import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts';
import { jsonBytes, parseJsonObject } from '../crypto/json.ts';
import { KEY_BYTES, NONCE_BYTES, seal, sharedKey, unseal } from '../crypto/nacl.ts';
import type { SealedBox } from '../crypto/nacl.ts';

/** What a launcher of version 2 is given in private. */
export interface LauncherV2 {
  readonly kernelId: string;
  readonly listenerPublicKey: Uint8Array;
  /** Proves that the answer comes from the launch that it was made for. A secret. */
  readonly token: Uint8Array;
  /** The kernel ends when the lease is not renewed for this long; 0: never. */
  readonly leaseMs: number;
  /** Where the answer may be posted instead. */
  readonly http?: { readonly url: string; readonly token: string };
}

/** The value of `GP_LAUNCHER_V2`: base64 of a JSON object, so that it passes through shells and property files. */
export function encodeLauncherV2(launch: LauncherV2): string {
  return encodeBase64(
    jsonBytes({
      version: 2,
      kernel_id: launch.kernelId,
      public_key: encodeBase64(launch.listenerPublicKey),
      token: encodeBase64(launch.token),
      lease_seconds: Math.ceil(launch.leaseMs / 1000),
      http: launch.http,
    }),
  );
}

/** An answer of version 2 as it travels. */
export interface Envelope {
  readonly kernelId: string;
  readonly publicKey: Uint8Array;
  readonly sealed: SealedBox;
}

/** What an envelope's box holds: version 1's fields and these. */
export interface EnvelopeContent {
  readonly token: Uint8Array;
  readonly kernelId: string;
  /** The key of the comm channel, when the launcher has a listener. */
  readonly commKey?: Uint8Array;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Base64 of exactly so many bytes. */
function bytes(length: number) {
  return z.string().transform((text, context): Buffer => {
    const decoded = decodeBase64(text);
    if (decoded?.length === length) return decoded;
    context.addIssue({ code: 'custom', message: `not ${length} bytes in base64` });
    return z.NEVER;
  });
}

export const keyBytesSchema = bytes(KEY_BYTES);

export const sealedSchema = z.object({
  nonce: bytes(NONCE_BYTES),
  box: z.string().transform((text, context): Buffer => {
    const decoded = decodeBase64(text);
    if (decoded !== undefined) return decoded;
    context.addIssue({ code: 'custom', message: 'not base64' });
    return z.NEVER;
  }),
});

const envelopeSchema = sealedSchema.extend({
  version: z.literal(2),
  kernel_id: z.string(),
  public_key: keyBytesSchema,
});

const contentSchema = z.object({
  token: keyBytesSchema,
  kernel_id: z.string(),
  comm_key: keyBytesSchema.optional(),
});

/** Undefined when the text is no envelope of version 2. Nothing is decrypted yet. */
export function parseEnvelope(text: string): Envelope | undefined {
  const parsed = envelopeSchema.safeParse(parseJsonObject(text));
  if (!parsed.success) return undefined;
  const { kernel_id: kernelId, public_key: publicKey, nonce, box } = parsed.data;
  return { kernelId, publicKey, sealed: { nonce, box } };
}

/** Opens an envelope; undefined when it was not made for this key. The shared key serves for the reply. */
export function openEnvelope(
  envelope: Envelope,
  listenerSecretKey: Uint8Array,
): { readonly content: EnvelopeContent; readonly shared: Uint8Array } | undefined {
  const shared = sharedKey(envelope.publicKey, listenerSecretKey);
  if (shared === undefined) return undefined;
  const plaintext = unseal(envelope.sealed, shared);
  const fields = plaintext === undefined ? undefined : parseJsonObject(plaintext);
  const parsed = contentSchema.safeParse(fields);
  if (fields === undefined || !parsed.success) return undefined;
  const { token, kernel_id: kernelId, comm_key: commKey } = parsed.data;
  return { content: { token, kernelId, fields, ...(commKey === undefined ? {} : { commKey }) }, shared };
}

export type ReplyToLauncher =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: 'already_answered' | 'invalid'; readonly message: string };

/** The line that a launcher reads once it has proved who it is. */
export function encodeReply(kernelId: string, reply: ReplyToLauncher, shared: Uint8Array): string {
  const sealed = seal(jsonBytes({ to: 'launcher', kernel_id: kernelId, ...reply }), shared);
  return sealedLine(sealed);
}

/** The line for everybody else; it says nothing of the reason. */
export const refusedLine = `${JSON.stringify({ version: 2, ok: false, error: 'refused' })}\n`;

/** A box on a line of its own. */
export function sealedLine({ nonce, box }: SealedBox): string {
  return `${JSON.stringify({ version: 2, nonce: encodeBase64(nonce), box: encodeBase64(box) })}\n`;
}
