import { isProvisionerError } from '@gateway-provisioners/core';
import type { ImageOffer } from '@gateway-provisioners/core';
import { chooseImage } from './access.ts';
import type { ImageChoice, ImageWish } from './access.ts';

/**
 * What {@link chooseImage} gives, the image of a request that names none first, then what `allowed_images` lets one name.
 * Every image has been through that function. Errors: `INVALID_CONFIG` when there is none at all.
 */
export async function imageOffers(wish: ImageWish, config: ImageChoice): Promise<readonly ImageOffer[]> {
  const { image_name: configured, allowed_images: allowed = [] } = config;
  const patterns = [...new Set(allowed.filter((text) => text.includes('*')))];
  const isOpen = allowed.length > 0;
  const usual = await imageOrNone(() => chooseImage(wish, config), { orUnset: isOpen });
  // Beside an image of the kernelspec's own env, a request may still name that of the settings.
  const names = [...(configured === undefined ? [] : [configured]), ...allowed.filter((text) => !text.includes('*'))];
  const offers: ImageOffer[] = usual === undefined ? [] : [{ name: usual, image: usual, default: true }];
  for (const name of new Set(names)) {
    if (name === usual) continue;
    const asked = { ...wish, env: { ...wish.env, KERNEL_IMAGE: name } };
    const image = await imageOrNone(() => chooseImage(asked, config), { orUnset: isOpen });
    if (image === name) offers.push({ name, image });
  }
  return [...offers, ...patterns.map((pattern) => ({ pattern }))];
}

/** What `choose` gives; undefined where it refuses, and with `orUnset` also where no image is set. */
export async function imageOrNone<T>(
  choose: () => T | Promise<T>,
  { orUnset = false }: { readonly orUnset?: boolean } = {},
): Promise<T | undefined> {
  try {
    return await choose();
  } catch (error) {
    if (isProvisionerError(error, 'FORBIDDEN') || (orUnset && isProvisionerError(error, 'INVALID_CONFIG'))) {
      return undefined;
    }
    throw error;
  }
}
