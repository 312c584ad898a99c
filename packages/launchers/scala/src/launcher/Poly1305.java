package launcher;

/** The Poly1305 authenticator (RFC 8439), in constant time, with five limbs of 26 bits. */
final class Poly1305 {
  private static final long MASK = 0x3ffffff;
  private static final int BLOCK_BYTES = 16;
  /** The bits of r that are kept, limb by limb. */
  private static final long[] CLAMP = {0x3ffffff, 0x3ffff03, 0x3ffc0ff, 0x3f03fff, 0x00fffff};

  private Poly1305() {}

  /** The tag of 16 bytes of a message under a one-time key of 32. */
  static byte[] tag(byte[] key, byte[] message) {
    long[] r = limbs(key);
    for (int i = 0; i < 5; i++) r[i] &= CLAMP[i];
    long[] h = new long[5];
    for (int from = 0; from < message.length; from += BLOCK_BYTES) {
      int length = Math.min(BLOCK_BYTES, message.length - from);
      byte[] block = new byte[BLOCK_BYTES];
      System.arraycopy(message, from, block, 0, length);
      // A one follows the block's last bit.
      if (length < BLOCK_BYTES) block[length] = 1;
      long[] limbs = limbs(block);
      if (length == BLOCK_BYTES) limbs[4] |= 1L << 24;
      for (int i = 0; i < 5; i++) h[i] += limbs[i];
      h = product(h, r);
    }
    return finish(h, key);
  }

  private static long[] limbs(byte[] bytes) {
    return new long[] {
      word(bytes, 0) & MASK,
      word(bytes, 3) >>> 2 & MASK,
      word(bytes, 6) >>> 4 & MASK,
      word(bytes, 9) >>> 6 & MASK,
      word(bytes, 12) >>> 8,
    };
  }

  private static long word(byte[] bytes, int at) {
    return Salsa20.load(bytes, at) & 0xffffffffL;
  }

  private static long[] product(long[] h, long[] r) {
    long[] result = new long[5];
    for (int i = 0; i < 5; i++) {
      // 2^130 is 5 in this field.
      for (int j = 0; j < 5; j++) result[(i + j) % 5] += h[i] * r[j] * (i + j < 5 ? 1 : 5);
    }
    carry(result);
    return result;
  }

  private static void carry(long[] h) {
    for (int i = 0; i < 5; i++) {
      long over = h[i] >>> 26;
      h[i] &= MASK;
      if (i < 4) h[i + 1] += over;
      else h[0] += 5 * over;
    }
    h[1] += h[0] >>> 26;
    h[0] &= MASK;
  }

  private static byte[] finish(long[] h, byte[] key) {
    carry(h);
    carry(h);
    // Minus the prime, 2^130 - 5, taken when that is not negative.
    long[] less = new long[5];
    long over = 5;
    for (int i = 0; i < 5; i++) {
      long value = h[i] + over;
      less[i] = value & MASK;
      over = value >>> 26;
    }
    long mask = -over;
    for (int i = 0; i < 5; i++) h[i] = h[i] & ~mask | less[i] & mask;
    long[] words = {h[0] | h[1] << 26, h[1] >>> 6 | h[2] << 20, h[2] >>> 12 | h[3] << 14, h[3] >>> 18 | h[4] << 8};
    byte[] tag = new byte[BLOCK_BYTES];
    long sum = 0;
    for (int i = 0; i < 4; i++) {
      sum = (words[i] & 0xffffffffL) + word(key, 16 + 4 * i) + (sum >>> 32);
      for (int j = 0; j < 4; j++) tag[4 * i + j] = (byte) (sum >>> (8 * j));
    }
    return tag;
  }
}
