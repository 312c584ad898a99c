import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { b64, u8 } from './common.mjs';

/** The primitive that version 2 stands on. */
export function box() {
  const hex = (text) => Uint8Array.from(Buffer.from(text, 'hex'));
  // The key pairs of RFC 7748, section 6.1; message, nonce and result as published with NaCl.
  const published = {
    secret_key: b64(hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb')),
    public_key: b64(hex('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')),
    x25519: b64(hex('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')),
    shared_key: b64(hex('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389')),
    nonce: b64(hex('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37')),
    plaintext: b64(
      hex(
        'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c0123' +
          '3561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924' +
          'ca1c60902e52f0a089bc76897040e082f937763848645e0705',
      ),
    ),
    tag: b64(hex('f3ffc7703f9400e52a7dfb4b3d3305d9')),
  };
  const [a, b] = [nacl.box.keyPair(), nacl.box.keyPair()];
  const lengths = [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1000, 4096];
  const boxes = lengths.map((length, index) => {
    // All ones drives Poly1305 through its carries; the rest is random.
    const plaintext = index % 3 === 2 ? Buffer.alloc(length, 255) : randomBytes(length);
    const nonce = randomBytes(24);
    return {
      name: `${length} bytes`,
      nonce: b64(nonce),
      plaintext: b64(plaintext),
      box: b64(nacl.box(u8(plaintext), u8(nonce), b.publicKey, a.secretKey)),
    };
  });
  const [{ nonce, box: good }] = boxes.slice(9);
  const flip = (text, at) => {
    const bytes = Buffer.from(text, 'base64');
    bytes[at < 0 ? bytes.length + at : at] ^= 1;
    return b64(bytes);
  };
  return {
    published,
    sender: { secret_key: b64(a.secretKey), public_key: b64(a.publicKey) },
    recipient: { secret_key: b64(b.secretKey), public_key: b64(b.publicKey) },
    shared_key: b64(nacl.box.before(b.publicKey, a.secretKey)),
    boxes,
    refused: [
      { name: 'first byte of the tag changed', nonce, box: flip(good, 0) },
      { name: 'last byte changed', nonce, box: flip(good, -1) },
      { name: 'nonce changed', nonce: flip(nonce, 0), box: good },
      { name: 'cut by a byte', nonce, box: b64(Buffer.from(good, 'base64').subarray(0, -1)) },
      { name: 'shorter than a tag', nonce, box: b64(Buffer.from(good, 'base64').subarray(0, 15)) },
      { name: 'empty', nonce, box: '' },
    ],
  };
}
