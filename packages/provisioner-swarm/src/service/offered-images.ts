import type { ImageOffer, ImageRequest } from '@gateway-provisioners/core';
import { imageOffers, imageOrNone } from '@gateway-provisioners/docker-engine/kernels';
import type { ImageEntry } from '../settings/service-options.ts';
import type { SwarmConfig } from '../settings/swarm-settings.ts';
import { parseUserOptions } from '../settings/user-options.ts';
import type { UserOptions } from '../settings/user-options.ts';
import { chooseEntry, entriesOf, optionsImage, withImageOf } from './choose-entry.ts';

/**
 * What this user may have: where users may choose, the entries of `images` that {@link chooseEntry} gives them by name,
 * else the one that is used. Without `images`, what `image_name` and `allowed_images` say.
 * Errors: `INVALID_CONFIG`, `INVALID_ENV`.
 */
export async function offeredImages(request: ImageRequest, config: SwarmConfig): Promise<readonly ImageOffer[]> {
  const user = config.use_user_options === true ? parseUserOptions(request.env) : {};
  const entries = entriesOf(config);
  if (entries === undefined) return await imageOffers(withImageOf(request, optionsImage(user)), config);
  const usual = await imageOrNone(() => chooseEntry(request, config, user));
  const offers: ImageOffer[] = [];
  for (const entry of entries) {
    const { image } = entry;
    const name = await nameOf(entry, { request, config, user });
    if (entry === usual) offers.push({ name: name ?? entry.name ?? image, image, default: true });
    else if (name !== undefined) offers.push({ name, image });
  }
  return offers;
}

interface Asking {
  readonly request: ImageRequest;
  readonly config: SwarmConfig;
  readonly user: UserOptions;
}

/** By which a request gets just this entry: another of the same name may come before it. Undefined: by none. */
async function nameOf(entry: ImageEntry, { request, config, user }: Asking): Promise<string | undefined> {
  if (config.use_user_options !== true) return undefined;
  for (const name of new Set([entry.name ?? entry.image, entry.image])) {
    if ((await imageOrNone(() => chooseEntry(withImageOf(request, name), config, user))) === entry) return name;
  }
  return undefined;
}
