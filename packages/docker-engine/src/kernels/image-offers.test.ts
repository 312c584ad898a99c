import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ImageOffer, KernelSpec } from '@gateway-provisioners/core';
import { chooseImage } from './access.ts';
import type { ImageChoice, ImageWish } from './access.ts';
import { imageOffers } from './image-offers.ts';

function wish(specEnv: Readonly<Record<string, string>> = {}, env = specEnv): ImageWish {
  const kernelSpec: KernelSpec = {
    ...{ name: 'p', argv: [], env: specEnv, displayName: 'P', language: 'python', interruptMode: 'signal' },
    ...{ metadata: {}, extra: {}, provisioner: { provisionerName: 'docker-provisioner', config: {} } },
  };
  return { env, kernelSpec };
}

const usual = (image: string) => ({ name: image, image, default: true });
const named = (image: string) => ({ name: image, image });

describe('images of a kernelspec', () => {
  test.each<[string, ImageChoice, readonly unknown[]]>([
    ['the one of the settings', { image_name: 'a:1' }, [usual('a:1')]],
    [
      'what is allowed, each once, patterns last',
      { image_name: 'a:1', allowed_images: ['b:*', 'b:1', 'a:1', 'c', 'b:1', 'b:*'] },
      [usual('a:1'), named('b:1'), named('c'), { pattern: 'b:*' }],
    ],
    ['what is allowed where no other is set', { allowed_images: ['b:1', '*'] }, [named('b:1'), { pattern: '*' }]],
    ['the usual one where nothing else is allowed', { image_name: 'a:1', allowed_images: [] }, [usual('a:1')]],
  ])('are %s', async (...[, config, offers]) => {
    expect(await imageOffers(wish(), config)).toEqual(offers);
  });

  test('are that of its own env, beside which one may name that of the settings', async () => {
    expect(await imageOffers(wish({ KERNEL_IMAGE: 'own:1' }), { image_name: 'a:1' })).toEqual([
      usual('own:1'),
      named('a:1'),
    ]);
  });

  test('have no default where every request without a wish is refused', async () => {
    const expanded = wish({ KERNEL_IMAGE: '${FROM}:1' }, { KERNEL_IMAGE: 'other:1' });
    expect(await imageOffers(expanded, { image_name: 'a:1', allowed_images: ['b:1'] })).toEqual([
      named('a:1'),
      named('b:1'),
    ]);
  });

  test.each<ImageChoice>([{}, { allowed_images: [] }])('are an error where there is none: %j', async (config) => {
    await expect(imageOffers(wish(), config)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  test('are those that a launch accepts, and no others', async () => {
    const image = fc.stringMatching(/^[ab]{1,2}$/);
    const config = fc.record(
      { image_name: image, allowed_images: fc.array(fc.stringMatching(/^[ab*]{1,3}$/), { maxLength: 4 }) },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(config, fc.option(image, { nil: undefined }), image, async (settings, own, other) => {
        const asked = wish(own === undefined ? {} : { KERNEL_IMAGE: own });
        const launched = (name?: string): string | undefined => {
          try {
            return chooseImage(name === undefined ? asked : { ...asked, env: { KERNEL_IMAGE: name } }, settings);
          } catch {
            return undefined;
          }
        };
        const offers: readonly ImageOffer[] = await imageOffers(asked, settings).catch(() => []);
        const images = offers.filter((offer) => 'image' in offer);
        for (const offer of images) expect(launched(offer.default === true ? undefined : offer.name)).toBe(offer.image);
        expect(images.filter((offer) => offer.default).map((offer) => offer.image)).toEqual(
          [launched()].filter((chosen) => chosen !== undefined),
        );
        for (const offer of offers) {
          if ('pattern' in offer) expect(launched(offer.pattern.replaceAll('*', 'x'))).toBeDefined();
        }
        const patterns = offers.flatMap((offer) => ('pattern' in offer ? [offer.pattern.replaceAll('*', '.*')] : []));
        const isOffered =
          images.some(({ name }) => name === other) || patterns.some((text) => new RegExp(`^${text}$`).test(other));
        // What is not offered is refused, or passed over for what is.
        if (isOffered) expect(launched(other)).toBe(other);
        else expect([undefined, ...images.map((offer) => offer.image)]).toContain(launched(other));
      }),
    );
  });
});
