import assert from 'node:assert/strict';
import { isProvisionerError } from '@gateway-provisioners/core';
import type { CaseBody } from './launch-cases.ts';

/** What a provisioner tells of the images that a user may have: nothing, where its kernels have none. */
export const imageCases: Readonly<Record<string, CaseBody>> = {
  async 'images: each has a name and an image or is a pattern, one at most is the default, and the same is told again'(
    bench,
  ) {
    const provisioner = await bench.provisioner();
    const { context } = bench.context();
    const offers = (await provisioner.images?.(context, { signal: bench.signal })) ?? [];
    for (const offer of offers) {
      const texts: readonly unknown[] = 'pattern' in offer ? [offer.pattern] : [offer.name, offer.image];
      for (const text of texts)
        assert.ok(typeof text === 'string' && text !== '', `an offer is empty: ${String(text)}`);
    }
    const defaults = offers.filter((offer) => 'image' in offer && offer.default === true);
    assert.ok(defaults.length <= 1, `more than one default: ${JSON.stringify(defaults)}`);
    assert.deepEqual(JSON.parse(JSON.stringify(offers)), offers, 'offers must survive JSON');
    assert.deepEqual((await provisioner.images?.(context)) ?? [], offers);
  },

  async 'images: nothing is told to who may not start kernels'(bench) {
    const provisioner = await bench.provisionerWith({ authorized_users: ['alice'] });
    if (provisioner.images === undefined) return;
    const { context } = bench.context({ owner: 'mallory' });
    const error: unknown = await provisioner.images(context).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(isProvisionerError(error, 'FORBIDDEN'), `not FORBIDDEN: ${String(error)}`);
  },
};
