import { timingSafeEqual } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { ProvisionerError } from '@gateway-provisioners/core';
import { z } from 'zod';
import { jsonBytes, parseJsonObject } from '../crypto/json.ts';
import { seal, unseal } from '../crypto/nacl.ts';
import { keyBytesSchema, sealedLine, sealedSchema } from '../payload/version2.ts';

/** The longest line either end may send, its end included. */
export const MAX_LINE_BYTES = 65_536;
/** The most of a log that fits a line: JSON may make six characters of a byte, base64 four of three. */
export const MAX_LOG_BYTES = 8000;

/** What a gateway may ask of a launcher. */
export type CommRequest =
  | { readonly request: 'ping' | 'shutdown' | 'renew' }
  | { readonly request: 'signal'; readonly signum: number }
  | { readonly request: 'status'; readonly max_log_bytes: number };

/** What binds a message to its kernel, its connection and its place there. */
export interface CommBinding {
  readonly kernelId: string;
  /** As the launcher wrote it in its hello. */
  readonly challenge: string;
  /** 1 for the first request of a connection, one more for each. */
  readonly seq: number;
}

const helloSchema = z.object({ version: z.literal(2), challenge: z.string() });

/** The challenge of a launcher's first line. Errors: `PROTOCOL_ERROR`. */
export function parseHello(line: string): string {
  const parsed = helloSchema.safeParse(parseJsonObject(line));
  if (!parsed.success || !keyBytesSchema.safeParse(parsed.data.challenge).success) {
    throw new ProvisionerError('PROTOCOL_ERROR', "a launcher's listener began with something that is no hello");
  }
  return parsed.data.challenge;
}

export function encodeRequest(request: CommRequest, binding: CommBinding, key: Uint8Array): string {
  return sealedLine(seal(jsonBytes({ to: 'launcher', ...bindingFields(binding), ...request }), key));
}

const exitSchema = z.object({
  reason: z.enum(['exited', 'signalled', 'oom', 'evicted', 'killed', 'gone']),
  exit_code: z.int().optional(),
  signal: z.string().optional(),
  detail: z.string().optional(),
});

const replySchema = z.union([
  z.object({
    ok: z.literal(true),
    alive: z.boolean().optional(),
    pid: z.int().positive().optional(),
    exit: exitSchema.optional(),
    log_tail: z.string().optional(),
    lease_seconds: z.number().min(0).optional(),
  }),
  z.object({ ok: z.literal(false), error: z.string(), message: z.string().default('') }),
]);

export type CommReply = z.infer<typeof replySchema>;

/** Errors: `PROTOCOL_ERROR` when the line is not the authentic reply to the request that the binding names. */
export function parseReply(line: string, binding: CommBinding, key: Uint8Array): CommReply {
  const fields = openBound(line, { ...binding, to: 'gateway' }, key);
  const parsed = replySchema.safeParse(fields);
  if (parsed.success) return parsed.data;
  throw new ProvisionerError('PROTOCOL_ERROR', "a launcher's reply is not authentic or not a reply to the request", {
    coordinates: { kernelId: binding.kernelId },
  });
}

/** The content of a line that was sealed with the key and belongs to the binding; undefined for any other. */
export function openBound(
  line: string,
  expected: CommBinding & { readonly to: 'gateway' | 'launcher' },
  key: Uint8Array,
): Readonly<Record<string, unknown>> | undefined {
  const outer = parseJsonObject(line);
  const sealed = sealedSchema.safeParse(outer);
  if (outer?.['version'] !== 2 || !sealed.success) return undefined;
  const plaintext = unseal(sealed.data, key);
  const fields = plaintext === undefined ? undefined : parseJsonObject(plaintext);
  const belongs =
    fields?.['to'] === expected.to &&
    fields['kernel_id'] === expected.kernelId &&
    fields['seq'] === expected.seq &&
    isSameText(fields['challenge'], expected.challenge);
  return belongs ? fields : undefined;
}

export function bindingFields({ kernelId, challenge, seq }: CommBinding): object {
  return { kernel_id: kernelId, challenge, seq };
}

function isSameText(value: unknown, expected: string): boolean {
  if (typeof value !== 'string') return false;
  const [left, right] = [Buffer.from(value), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
