import { readFile } from 'node:fs/promises';
import { ProvisionerError, errorMessage } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';
import { chooseImage } from '@gateway-provisioners/docker-engine/kernels';
import type { ImageWish } from '@gateway-provisioners/docker-engine/kernels';
import type { ImageEntry } from '../settings/service-options.ts';
import type { SwarmConfig } from '../settings/swarm-settings.ts';
import { userOptionsPolicy } from '../settings/user-options.ts';
import type { UserOptions } from '../settings/user-options.ts';

/** Who wishes for which image. */
export type EntryWish = ImageWish & Pick<LaunchContext, 'owner'>;

/**
 * The entry of `images` that counts: the one that the user chose by name or image, where users may choose; that of
 * `image_name`; the first. Without `images`: what `image_name` and `allowed_images` say.
 * Errors: `FORBIDDEN` for an image that is not listed or that this user may not have, `INVALID_CONFIG`.
 */
export async function chooseEntry(wish: EntryWish, config: SwarmConfig, user: UserOptions): Promise<ImageEntry> {
  const entries = entriesOf(config);
  const wanted = config.use_user_options === true ? wantedImage(wish, user) : undefined;
  if (entries === undefined) {
    if (wanted !== undefined && wanted !== config.image_name && config.allowed_images === undefined) {
      throw new ProvisionerError('FORBIDDEN', `image ${JSON.stringify(wanted)} is not in allowed_images`);
    }
    return { image: chooseImage(withImageOf(wish, wanted), config) };
  }
  if (wanted !== undefined) assertMayChoose(config);
  const name = wanted ?? config.image_name;
  const found = name === undefined ? entries[0] : (named(entries, name) ?? withImage(entries, name));
  if (found === undefined) {
    const setting = wanted === undefined ? 'INVALID_CONFIG' : 'FORBIDDEN';
    throw new ProvisionerError(setting, `image ${JSON.stringify(name)} is not in the list of images`);
  }
  if (await mayHave(wish.owner, found)) return found;
  const { owner, kernelId } = wish;
  throw new ProvisionerError('FORBIDDEN', `image ${JSON.stringify(found.name ?? found.image)} is not for this user`, {
    coordinates: { user: owner, ...(kernelId === undefined ? {} : { kernel: kernelId }) },
  });
}

export function entriesOf({ images, dockerimages }: SwarmConfig): readonly ImageEntry[] | undefined {
  return images ?? dockerimages;
}

/** The wish with what the user's options name; as it is where they name nothing. */
export function withImageOf<Wish extends ImageWish>(wish: Wish, image: string | undefined): Wish {
  return image === undefined ? wish : { ...wish, env: { ...wish.env, KERNEL_IMAGE: image } };
}

const named = (entries: readonly ImageEntry[], name: string): ImageEntry | undefined =>
  entries.find((entry) => entry.name === name);
const withImage = (entries: readonly ImageEntry[], image: string): ImageEntry | undefined =>
  entries.find((entry) => entry.image === image);

function wantedImage({ env, kernelSpec }: ImageWish, user: UserOptions): string | undefined {
  const ofOptions = optionsImage(user);
  if (ofOptions !== undefined) return ofOptions;
  const ofRequest = env['KERNEL_IMAGE'] ?? '';
  return ofRequest === '' || ofRequest === kernelSpec.env['KERNEL_IMAGE'] ? undefined : ofRequest;
}

/** The image that the user's options name. */
export function optionsImage({
  user_selected_image: selected,
  container_spec: container,
}: UserOptions): string | undefined {
  if (typeof selected === 'object') return selected.name ?? selected.image;
  return selected ?? container?.Image ?? container?.image;
}

/** `KERNEL_IMAGE` is bound by the policy as the options are. */
function assertMayChoose({ user_options_policy: policy = userOptionsPolicy.parse({}) }: SwarmConfig): void {
  if (policy.keys.includes('image')) return;
  const message = 'an image may not be chosen, by KERNEL_IMAGE or otherwise: see keys of user_options_policy';
  throw new ProvisionerError('FORBIDDEN', message);
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
