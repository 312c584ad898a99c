import { readFile } from 'node:fs/promises';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';
import { chooseImage } from '@gateway-provisioners/docker-engine/kernels';
import type { ImageEntry } from '../settings/service-options.ts';
import type { SwarmConfig } from '../settings/swarm-settings.ts';
import type { UserOptions } from '../settings/user-options.ts';

/** An image that a user may choose. */
export interface ImageOffer {
  readonly name: string;
  readonly image: string;
}

/** The images of `images` that this user may have; the first is the default. Errors: `INVALID_CONFIG`. */
export async function imagesFor(user: string, config: SwarmConfig): Promise<readonly ImageOffer[]> {
  const offers: ImageOffer[] = [];
  for (const entry of entriesOf(config) ?? []) {
    if (await mayHave(user, entry)) offers.push({ name: entry.name ?? entry.image, image: entry.image });
  }
  return offers;
}

/**
 * The entry of `images` that counts: the one that the user chose by name or image, where users may choose; that of
 * `image_name`; the first. Without `images`: what `image_name` and `allowed_images` say.
 * Errors: `FORBIDDEN` for an image that is not listed or that this user may not have, `INVALID_CONFIG`.
 */
export async function chooseEntry(context: LaunchContext, config: SwarmConfig, user: UserOptions): Promise<ImageEntry> {
  const entries = entriesOf(config);
  const wanted = config.use_user_options === true ? wantedImage(context, user) : undefined;
  if (entries === undefined) {
    const { env } = context;
    const chosen = wanted === undefined ? env : { ...env, KERNEL_IMAGE: wanted };
    if (wanted !== undefined && wanted !== config.image_name && config.allowed_images === undefined) {
      throw new ProvisionerError('FORBIDDEN', `image ${JSON.stringify(wanted)} is not in allowed_images`);
    }
    return { image: chooseImage({ ...context, env: chosen }, config) };
  }
  const name = wanted ?? config.image_name;
  const found = name === undefined ? entries[0] : (named(entries, name) ?? withImage(entries, name));
  if (found === undefined) {
    const setting = wanted === undefined ? 'INVALID_CONFIG' : 'FORBIDDEN';
    throw new ProvisionerError(setting, `image ${JSON.stringify(name)} is not in the list of images`);
  }
  if (await mayHave(context.owner, found)) return found;
  throw new ProvisionerError('FORBIDDEN', `image ${JSON.stringify(found.name ?? found.image)} is not for this user`, {
    coordinates: { user: context.owner, kernel: context.kernelId },
  });
}

function entriesOf({ images, dockerimages }: SwarmConfig): readonly ImageEntry[] | undefined {
  return images ?? dockerimages;
}

const named = (entries: readonly ImageEntry[], name: string): ImageEntry | undefined =>
  entries.find((entry) => entry.name === name);
const withImage = (entries: readonly ImageEntry[], image: string): ImageEntry | undefined =>
  entries.find((entry) => entry.image === image);

function wantedImage({ env, kernelSpec }: LaunchContext, user: UserOptions): string | undefined {
  const { user_selected_image: selected, container_spec: container } = user;
  const ofOptions =
    typeof selected === 'object'
      ? (selected.name ?? selected.image)
      : (selected ?? container?.Image ?? container?.image);
  if (ofOptions !== undefined) return ofOptions;
  const ofRequest = env['KERNEL_IMAGE'] ?? '';
  return ofRequest === '' || ofRequest === kernelSpec.env['KERNEL_IMAGE'] ? undefined : ofRequest;
}

async function mayHave(user: string, { access, name, image }: ImageEntry): Promise<boolean> {
  if (access === undefined) return true;
  if (typeof access !== 'string') return access.includes(user);
  try {
    const lines = (await readFile(access, 'utf8')).split('\n');
    return lines.map((line) => line.trim()).includes(user);
  } catch (error) {
    const message = `the list of users for image ${name ?? image} cannot be read: ${errorMessage(error)}`;
    throw new ProvisionerError('INVALID_CONFIG', message, { cause: error });
  }
}
