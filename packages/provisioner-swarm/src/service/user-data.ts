import { readFile } from 'node:fs/promises';
import { ProvisionerError, systemErrorCode } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';
import { z } from 'zod';
import type { SwarmConfig } from '../settings/swarm-settings.ts';
import { ownerDigest } from './service-name.ts';
import type { PlaceholderValues } from './templates.ts';

const userDataFile = z.record(z.string(), z.record(z.string(), z.string()));

/** What `{name}`, `{username}`, `{kernel_id}`, `{kernel_name}` and the user's own data stand for. Errors: `INVALID_CONFIG`. */
export async function placeholderValues(context: LaunchContext, config: SwarmConfig): Promise<PlaceholderValues> {
  const { owner } = context;
  const ofFile = config.user_data_file === undefined ? {} : await readUserData(config.user_data_file);
  const dataOf = (data: z.infer<typeof userDataFile>): Readonly<Record<string, string>> =>
    Object.hasOwn(data, owner) ? (data[owner] ?? {}) : {};
  return {
    ...dataOf(config.user_data ?? {}),
    ...dataOf(ofFile),
    name: ownerDigest(owner),
    username: owner,
    kernel_id: context.kernelId,
    kernel_name: context.kernelSpec.name,
  };
}

async function readUserData(path: string): Promise<z.infer<typeof userDataFile>> {
  try {
    return userDataFile.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    // Of what is in it nothing is told: it holds keys.
    const reason = systemErrorCode(error) ?? 'it is not an object of objects of texts';
    throw new ProvisionerError('INVALID_CONFIG', `user_data_file ${path} cannot be used: ${reason}`);
  }
}
