import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { normaliseBaseUrl } from './base-url.ts';

describe('a base URL', () => {
  test.each([
    ['', '/'],
    ['/', '/'],
    ['hub/user', '/hub/user/'],
    ['//hub//user//', '/hub/user/'],
    ['/user/a@b.c/', '/user/a@b.c/'],
  ])('%j becomes %s', (value, expected) => {
    expect(normaliseBaseUrl(value)).toBe(expected);
  });

  test.each(['/a b', '/a?b', '/a#b', '/../x', '/a/./b', 'http://host/', '/:id', '/*', '/%zz'])(
    '%j is refused',
    (value) => {
      expect(() => normaliseBaseUrl(value)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    },
  );

  test('once normalised stays as it is', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z0-9_-]{1,8}$/)), (segments) => {
        const once = normaliseBaseUrl(segments.join('/'));
        expect(normaliseBaseUrl(once)).toBe(once);
        expect(once.startsWith('/') && once.endsWith('/') && !once.includes('//')).toBe(true);
      }),
    );
  });
});
