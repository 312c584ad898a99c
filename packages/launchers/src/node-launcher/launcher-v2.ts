import { Buffer } from 'node:buffer';
import { readFile, rm } from 'node:fs/promises';
import { KEY_BYTES, fromBase64 } from './box.ts';
import { LauncherError } from './launcher-error.ts';
import { parseObject } from './sealed-line.ts';
import type { Fields } from './sealed-line.ts';

/** What `GP_LAUNCHER_V2` holds. */
export interface LauncherV2 {
  readonly publicKey: Buffer;
  readonly token: string;
  readonly leaseSeconds: number;
  readonly http: { readonly url: string; readonly token: string } | undefined;
}

/**
 * Reads version 2's parameters: the value itself, or a file of it, which is deleted when it can be.
 * Errors: {@link LauncherError}, which never quotes the value.
 */
export async function readLauncherV2(given: string | undefined, kernelId: string): Promise<LauncherV2 | undefined> {
  if (given === undefined || given.trim() === '') return undefined;
  const value = given.startsWith('/') ? await takeFile(given) : given;
  return parseLauncherV2(value, kernelId);
}

async function takeFile(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new LauncherError(`the file of GP_LAUNCHER_V2 cannot be read: ${describe(error)}`);
  }
  // A mounted Secret cannot be deleted, and need not be.
  await rm(path, { force: true }).catch(() => undefined);
  return text;
}

export function parseLauncherV2(value: string, kernelId: string): LauncherV2 {
  const bytes = fromBase64(value.trim());
  const fields = bytes === undefined ? undefined : parseObject(bytes);
  if (fields === undefined) throw new LauncherError('GP_LAUNCHER_V2 is not base64 of a JSON object');
  if (fields['version'] !== 2) throw new LauncherError('GP_LAUNCHER_V2 is of another version than 2');
  if (fields['kernel_id'] !== kernelId) throw new LauncherError('GP_LAUNCHER_V2 belongs to another kernel id');
  const publicKey = fromBase64(fields['public_key']);
  const token = fields['token'];
  const leaseSeconds = fields['lease_seconds'] ?? 0;
  if (publicKey?.length !== KEY_BYTES) throw new LauncherError('GP_LAUNCHER_V2 has no public_key of 32 bytes');
  if (typeof token !== 'string' || fromBase64(token)?.length !== KEY_BYTES) {
    throw new LauncherError('GP_LAUNCHER_V2 has no token of 32 bytes');
  }
  if (typeof leaseSeconds !== 'number' || !(leaseSeconds >= 0)) {
    throw new LauncherError('lease_seconds of GP_LAUNCHER_V2 is not a number');
  }
  return { publicKey, token, leaseSeconds, http: parseHttp(fields['http']) };
}

function parseHttp(value: unknown): LauncherV2['http'] {
  if (value === undefined || value === null) return undefined;
  const fields: Fields | undefined = parseObject(Buffer.from(JSON.stringify(value)));
  const [url, token] = [fields?.['url'], fields?.['token']];
  if (typeof url === 'string' && typeof token === 'string') return { url, token };
  throw new LauncherError('http of GP_LAUNCHER_V2 has no url and token');
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
