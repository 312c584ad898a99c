package launcher;

/**
 * X25519 (RFC 7748) for JVMs that lack it, in constant time.
 *
 * <p>Field elements are sixteen limbs of 16 bits in longs, so that products and their sums fit without care.
 */
final class X25519 {
  private static final int LIMBS = 16;
  private static final long[] A24 = {0xdb41, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  private static final byte[] BASE_POINT = new byte[32];

  static {
    BASE_POINT[0] = 9;
  }

  private X25519() {}

  static byte[] publicKey(byte[] secretKey) {
    return multiply(secretKey, BASE_POINT);
  }

  /** The point's product with the scalar; all zero when the point is of low order, which callers must refuse. */
  static byte[] multiply(byte[] scalar, byte[] point) {
    byte[] clamped = scalar.clone();
    clamped[0] &= (byte) 248;
    clamped[31] = (byte) ((clamped[31] & 127) | 64);
    long[] x1 = unpack(point);
    long[] x2 = one();
    long[] z2 = new long[LIMBS];
    long[] x3 = x1.clone();
    long[] z3 = one();
    for (int position = 254; position >= 0; position--) {
      int bit = (clamped[position >> 3] >>> (position & 7)) & 1;
      swapIf(bit, x2, x3);
      swapIf(bit, z2, z3);
      long[] sum = add(x2, z2);
      long[] difference = subtract(x2, z2);
      long[] cross = product(difference, add(x3, z3));
      long[] otherCross = product(sum, subtract(x3, z3));
      long[] sumSquared = product(sum, sum);
      long[] differenceSquared = product(difference, difference);
      long[] gap = subtract(sumSquared, differenceSquared);
      long[] crossSum = add(cross, otherCross);
      long[] crossGap = subtract(cross, otherCross);
      x3 = product(crossSum, crossSum);
      z3 = product(x1, product(crossGap, crossGap));
      x2 = product(sumSquared, differenceSquared);
      z2 = product(gap, add(product(A24, gap), sumSquared));
      // The next round's swap undoes this round's, whatever the bit was.
      swapIf(bit, x2, x3);
      swapIf(bit, z2, z3);
    }
    return pack(product(x2, inverse(z2)));
  }

  private static long[] one() {
    long[] element = new long[LIMBS];
    element[0] = 1;
    return element;
  }

  private static long[] unpack(byte[] bytes) {
    long[] element = new long[LIMBS];
    for (int i = 0; i < LIMBS; i++) element[i] = (bytes[2 * i] & 0xff) | (bytes[2 * i + 1] & 0xffL) << 8;
    element[LIMBS - 1] &= 0x7fff;
    return element;
  }

  private static long[] add(long[] a, long[] b) {
    long[] result = new long[LIMBS];
    for (int i = 0; i < LIMBS; i++) result[i] = a[i] + b[i];
    return result;
  }

  private static long[] subtract(long[] a, long[] b) {
    long[] result = new long[LIMBS];
    for (int i = 0; i < LIMBS; i++) result[i] = a[i] - b[i];
    return result;
  }

  private static long[] product(long[] a, long[] b) {
    long[] wide = new long[2 * LIMBS];
    for (int i = 0; i < LIMBS; i++) {
      for (int j = 0; j < LIMBS; j++) wide[i + j] += a[i] * b[j];
    }
    long[] result = new long[LIMBS];
    // 2^256 is 38 in this field.
    for (int i = 0; i < LIMBS; i++) result[i] = wide[i] + 38 * wide[i + LIMBS];
    carry(result);
    carry(result);
    return result;
  }

  private static void carry(long[] element) {
    for (int i = 0; i < LIMBS; i++) {
      long over = element[i] >> 16;
      element[i] -= over << 16;
      if (i + 1 < LIMBS) element[i + 1] += over;
      else element[0] += 38 * over;
    }
  }

  /** The power to 2^255 - 21. */
  private static long[] inverse(long[] element) {
    long[] result = element;
    for (int position = 253; position >= 0; position--) {
      result = product(result, result);
      if (position != 2 && position != 4) result = product(result, element);
    }
    return result;
  }

  private static void swapIf(int bit, long[] a, long[] b) {
    long mask = -(long) bit;
    for (int i = 0; i < LIMBS; i++) {
      long difference = mask & (a[i] ^ b[i]);
      a[i] ^= difference;
      b[i] ^= difference;
    }
  }

  private static byte[] pack(long[] element) {
    long[] reduced = element.clone();
    carry(reduced);
    carry(reduced);
    carry(reduced);
    for (int round = 0; round < 2; round++) {
      // Minus the prime, taken when that is not negative.
      long[] less = new long[LIMBS];
      long borrow = 0;
      for (int i = 0; i < LIMBS; i++) {
        long prime = i == 0 ? 0xffed : i == LIMBS - 1 ? 0x7fff : 0xffff;
        long value = reduced[i] - prime - borrow;
        borrow = (value >> 16) & 1;
        less[i] = value & 0xffff;
      }
      swapIf((int) (1 - borrow), reduced, less);
    }
    byte[] bytes = new byte[32];
    for (int i = 0; i < LIMBS; i++) {
      bytes[2 * i] = (byte) reduced[i];
      bytes[2 * i + 1] = (byte) (reduced[i] >> 8);
    }
    return bytes;
  }
}
