import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { assertOwnedBy, formatOwner, parseOwner } from './ownership.ts';

describe('the owner marker', () => {
  it('keeps any ids apart, without blanks', () => {
    const id = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(id, id, fc.integer({ min: 1 }), (instanceId, kernelId, incarnation) => {
        const owner = { instanceId, kernelId, incarnation };
        const text = formatOwner(owner);
        expect(text).not.toMatch(/\s/);
        expect(parseOwner(text)).toEqual(owner);
      }),
    );
  });
  it.each(['', 'a', 'a/b', 'a/b/0', 'a/b/x', 'a/b/1/2', '/b/1', 'a//1', '%/b/1'])('refuses %j', (text) => {
    expect(parseOwner(text)).toBeUndefined();
  });
});

describe('assertOwnedBy', () => {
  it('refuses what another instance owns, and says whose it is', () => {
    const owner = { instanceId: 'theirs', kernelId: 'k', incarnation: 1 };
    assertOwnedBy('theirs', owner);
    expect(() => {
      assertOwnedBy('ours', owner);
    }).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: 'this kernel belongs to another instance [kernel=k instance=theirs]',
      }),
    );
  });
});
