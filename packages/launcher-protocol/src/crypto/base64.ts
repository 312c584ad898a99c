import { Buffer } from 'node:buffer';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Standard base64 with padding, as bytes; undefined for anything else. `Buffer.from` alone would skip what it does not
 * understand. Blanks and line ends around the text are allowed, none inside.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const trimmed = text.trim();
  if (trimmed.length % 4 !== 0 || !BASE64.test(trimmed)) return undefined;
  return Buffer.from(trimmed, 'base64');
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
