import { Buffer } from 'node:buffer';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** A JSON object from UTF-8 bytes or text; undefined for anything else. */
export function parseJsonObject(input: Uint8Array | string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(typeof input === 'string' ? input : utf8.decode(input));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
