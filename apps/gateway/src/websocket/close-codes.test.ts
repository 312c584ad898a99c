import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { closeText } from './close-codes.ts';

describe('the reason in a close frame', () => {
  test('has at most 123 bytes, whole characters, and begins as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const cut = closeText(text);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(123);
        expect(cut).not.toContain('\ufffd'.repeat(text.includes('\ufffd') ? 300 : 1));
        const kept = cut.endsWith('…') && cut !== text ? cut.slice(0, -1) : cut;
        expect(text.startsWith(kept)).toBe(true);
      }),
    );
  });
});
