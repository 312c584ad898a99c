import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ImageOffer } from '@gateway-provisioners/core';
import { swarmConfigSchema } from '../settings/swarm-settings.ts';
import { launchContext } from '../testing/contexts.ts';
import { chooseEntry } from './choose-entry.ts';
import { offeredImages } from './offered-images.ts';

async function offersTo(owner: string, given: object, env: Readonly<Record<string, string>> = {}) {
  return await offeredImages(launchContext({ owner, env }), swarmConfigSchema.parse(given));
}

const images = [
  { image: 'a:1', name: 'Plain' },
  { image: 'b:1', name: 'Special', access: ['alice', 'admin'] },
  { image: 'b:1', name: 'Closed', access: ['admin'] },
  { image: 'c:1' },
];
const plain = { name: 'Plain', image: 'a:1' };
const special = { name: 'Special', image: 'b:1' };
const nameless = { name: 'c:1', image: 'c:1' };
const isDefault = { default: true };

describe('images that a user may have', () => {
  const open = { images, use_user_options: true };

  it('are those of the list to which they have access, in its order', async () => {
    expect(await offersTo('alice', open)).toEqual([{ ...plain, ...isDefault }, special, nameless]);
    expect(await offersTo('bob', open)).toEqual([{ ...plain, ...isDefault }, nameless]);
    expect(await offersTo('admin', { dockerimages: images, use_user_options: true })).toHaveLength(4);
  });

  it('have no default where that is for others', async () => {
    const special_first = { ...open, image_name: 'Special' };
    expect(await offersTo('bob', special_first)).toEqual([plain, nameless]);
    expect(await offersTo('alice', special_first)).toEqual([plain, { ...special, ...isDefault }, nameless]);
  });

  it('are one, where users choose nothing, and none where that is for others', async () => {
    expect(await offersTo('alice', { images })).toEqual([{ ...plain, ...isDefault }]);
    expect(await offersTo('alice', { images, image_name: 'Special' })).toEqual([{ ...special, ...isDefault }]);
    expect(await offersTo('bob', { images, image_name: 'Special' })).toEqual([]);
    const closed = { ...open, user_options_policy: { keys: ['mounts'] } };
    expect(await offersTo('alice', closed)).toEqual([{ ...plain, ...isDefault }]);
  });

  it('are without a list those of image_name and allowed_images', async () => {
    const config = { image_name: 'a:1', allowed_images: 'b:1, c:*' };
    const offers = [{ name: 'a:1', image: 'a:1', ...isDefault }, { name: 'b:1', image: 'b:1' }, { pattern: 'c:*' }];
    expect(await offersTo('alice', config)).toEqual(offers);
    expect(await offersTo('alice', { ...config, use_user_options: true })).toEqual(offers);
  });

  it('count what the kernelspec’s own options say', async () => {
    const env = { KERNEL_USER_OPTIONS: '{"user_selected_image": "Special"}' };
    expect(await offersTo('alice', open, env)).toEqual([{ ...special, ...isDefault }]);
    expect(await offersTo('alice', { images }, env)).toEqual([{ ...plain, ...isDefault }]);
    const config = { image_name: 'a:1', allowed_images: 'b:1', use_user_options: true };
    const wish = { KERNEL_USER_OPTIONS: '{"container_spec": {"Image": "b:1"}}' };
    expect(await offersTo('alice', config, wish)).toContainEqual({ name: 'b:1', image: 'b:1', ...isDefault });
  });

  it('are an error where the settings are wrong', async () => {
    await expect(offersTo('alice', { ...open, image_name: 'nope' })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await expect(offersTo('alice', {})).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    const unread = { ...open, images: [...images, { image: 'd:1', access: '/nowhere/users' }] };
    await expect(offersTo('alice', unread)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('are those that a launch accepts, and no others', async () => {
    const label = fc.constantFrom('x', 'y', 'z');
    const entry = fc.record(
      { image: label, name: label, access: fc.subarray(['alice', 'bob']) },
      { requiredKeys: ['image'] },
    );
    const settings = fc.record(
      {
        images: fc.array(entry, { minLength: 1, maxLength: 4 }),
        image_name: label,
        allowed_images: fc.array(fc.constantFrom('x', 'y', '*', 'y*'), { maxLength: 2 }),
        use_user_options: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(settings, label, fc.constantFrom('options', 'variable'), async (given, wanted, way) => {
        const config = swarmConfigSchema.parse(given);
        const launched = async (name?: string): Promise<string | undefined> => {
          const byOptions = name !== undefined && way === 'options' && given.use_user_options === true;
          const env = name === undefined || byOptions ? {} : { KERNEL_IMAGE: name };
          const user = byOptions ? { user_selected_image: name } : {};
          return await chooseEntry(launchContext({ env }), config, user).then(
            ({ image }) => image,
            () => undefined,
          );
        };
        const asked = await offeredImages(launchContext(), config).catch(() => undefined);
        const usual = await launched();
        // Nothing is told where the settings are wrong: then no launch without a wish succeeds either.
        if (asked === undefined) {
          expect(usual).toBeUndefined();
          return;
        }
        const byName = new Map(asked.flatMap(namesAndImages));
        const defaults = asked.filter((offer) => 'image' in offer && offer.default === true);
        expect(defaults.map((offer) => 'image' in offer && offer.image)).toEqual(usual === undefined ? [] : [usual]);
        for (const [name, image] of byName) expect(await launched(name)).toBe(image);
        // What is not offered is refused, or passed over for what is.
        const matched = asked.some((offer) => 'pattern' in offer && (offer.pattern === '*' || wanted.startsWith('y')));
        const images = asked.flatMap((offer) => ('image' in offer ? [offer.image] : []));
        expect([undefined, ...images, ...(matched ? [wanted] : [])]).toContain(await launched(wanted));
      }),
    );
  });
});

/** The default may stand under a name that another entry has: it is what one gets without a wish. */
function namesAndImages(offer: ImageOffer): readonly (readonly [string, string])[] {
  return 'image' in offer && offer.default !== true ? [[offer.name, offer.image]] : [];
}
