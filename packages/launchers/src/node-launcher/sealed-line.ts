import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { NONCE_BYTES, fromBase64, seal, toBase64, unseal } from './box.ts';

/** The longest line of the protocol, its end included. */
export const MAX_LINE_BYTES = 65_536;

export type Fields = Readonly<Record<string, unknown>>;

/** Nonce and box of a JSON text as members of a message. */
export function sealedFields(content: object, key: Uint8Array): { readonly nonce: string; readonly box: string } {
  const nonce = randomBytes(NONCE_BYTES);
  const box = seal(Buffer.from(JSON.stringify(content)), nonce, key);
  return { nonce: toBase64(nonce), box: toBase64(box) };
}

export function sealedLine(content: object, key: Uint8Array): string {
  return `${JSON.stringify({ version: 2, ...sealedFields(content, key) })}\n`;
}

/** The content of a sealed line; undefined when it is none, or not sealed with the key. */
export function openSealedLine(line: string, key: Uint8Array): Fields | undefined {
  const outer = parseObject(line);
  if (outer?.['version'] !== 2) return undefined;
  const [nonce, box] = [fromBase64(outer['nonce']), fromBase64(outer['box'])];
  if (nonce === undefined || box === undefined) return undefined;
  const plaintext = unseal(box, nonce, key);
  return plaintext === undefined ? undefined : parseObject(plaintext);
}

/** A JSON object from UTF-8; undefined for anything else. */
export function parseObject(input: string | Uint8Array): Fields | undefined {
  try {
    const text = typeof input === 'string' ? input : new TextDecoder('utf-8', { fatal: true }).decode(input);
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
