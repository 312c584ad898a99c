import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';
import { createCurveKeys } from './curve-keys.ts';
import { z85Decode, z85Encode } from './z85.ts';

describe('Z85', () => {
  it("agrees with the specification's test case", () => {
    const bytes = Uint8Array.from([0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b]);
    expect(z85Encode(bytes)).toBe('HelloWorld');
    expect(z85Decode('HelloWorld')).toEqual(bytes);
  });

  it('agrees with the key pair that the libzmq documentation prints', () => {
    const hex = 'bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518';
    expect(Buffer.from(z85Decode('Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID')).toString('hex')).toBe(hex);
  });

  it('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const whole = bytes.subarray(0, bytes.length - (bytes.length % 4));
        expect(z85Decode(z85Encode(whole))).toEqual(new Uint8Array(whole));
      }),
    );
  });

  it('reads any text or says why not, and reads back what it has read', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(z85Encode(z85Decode(text))).toBe(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
        }
      }),
    );
  });

  it.each([
    ['Hello\u0020', /fives/],
    ['Hell~', /character 5 is not one of Z85/],
    ['#####', /too large/],
  ])('refuses %j', (text, message) => {
    expect(() => z85Decode(text)).toThrow(message);
  });

  it('refuses bytes that are not a multiple of four', () => {
    expect(() => z85Encode(new Uint8Array(3))).toThrow(/multiples of 4/);
  });
});

describe('createCurveKeys', () => {
  it('makes pairs that agree on a secret', async () => {
    const [alice, bob] = [await createCurveKeys(), await createCurveKeys()];
    expect([alice.publicKey.length, alice.secretKey.length]).toEqual([40, 40]);
    const shared = (secret: string, own: string, other: string) =>
      diffieHellman({
        privateKey: createPrivateKey({
          format: 'jwk',
          key: { kty: 'OKP', crv: 'X25519', d: base64url(secret), x: base64url(own) },
        }),
        publicKey: createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x: base64url(other) } }),
      }).toString('hex');
    expect(shared(alice.secretKey, alice.publicKey, bob.publicKey)).toBe(
      shared(bob.secretKey, bob.publicKey, alice.publicKey),
    );
    expect(alice.secretKey).not.toBe(bob.secretKey);
  });
});

function base64url(text: string): string {
  return Buffer.from(z85Decode(text)).toString('base64url');
}
