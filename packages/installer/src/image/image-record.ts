import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ProvisionerError, errorMessage, systemErrorCode } from '@gateway-provisioners/core';
import { z } from 'zod';
import { imageLanguages } from './image-languages.ts';

/** Says in a prepared folder what was put there, so that it can be told from what others put there. */
export const RECORD_PATH = 'kernel-launchers/installed.json';

const recordSchema = z.object({
  languages: z.array(z.enum(imageLanguages)),
  files: z.record(z.string(), z.object({ sha256: z.string() })),
});

export type ImageRecord = z.infer<typeof recordSchema>;

/** `changed`: it is another than was installed. */
export interface InstalledFile {
  readonly path: string;
  readonly state: 'as installed' | 'changed' | 'missing';
}

/** What {@link listImageBootstrap} finds. */
export interface ImageListing {
  readonly folder: string;
  readonly languages: ImageRecord['languages'];
  readonly files: readonly InstalledFile[];
}

/** Undefined when nothing was installed there. Errors: `INVALID_STATE` when the record cannot be read. */
export async function readImageRecord(folder: string): Promise<ImageRecord | undefined> {
  const path = join(folder, RECORD_PATH);
  try {
    return recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new ProvisionerError('INVALID_STATE', `${path} cannot be read: ${errorMessage(cause)}`, { cause });
  }
}

/** What was installed in a folder, and whether it still is as it was. Errors: `INVALID_STATE`. */
export async function listImageBootstrap(folder: string): Promise<ImageListing> {
  const record = await readImageRecord(folder);
  const files: InstalledFile[] = [];
  for (const [path, { sha256 }] of Object.entries(record?.files ?? {})) {
    const data = await readFile(join(folder, path)).catch(() => undefined);
    const now = data === undefined ? undefined : createHash('sha256').update(data).digest('hex');
    files.push({ path, state: now === undefined ? 'missing' : now === sha256 ? 'as installed' : 'changed' });
  }
  return { folder, languages: record?.languages ?? [], files };
}
