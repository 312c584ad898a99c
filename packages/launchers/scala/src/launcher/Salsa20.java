package launcher;

/** HSalsa20 and the XSalsa20 stream, as Bernstein specified them. */
final class Salsa20 {
  /** "expand 32-byte k", four bytes a word. */
  private static final int[] CONSTANTS = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  private static final int BLOCK_BYTES = 64;
  /** Where the words are that HSalsa20 gives: those of the constants, then those of the input. */
  private static final int[] HASH_WORDS = {0, 5, 10, 15, 6, 7, 8, 9};

  private Salsa20() {}

  static byte[] hash(byte[] key, byte[] input) {
    int[] words = rounds(state(key, input));
    byte[] result = new byte[32];
    for (int i = 0; i < HASH_WORDS.length; i++) store(result, 4 * i, words[HASH_WORDS[i]]);
    return result;
  }

  /** The first bytes of the stream of a key of 32 and a nonce of 24 bytes. */
  static byte[] stream(byte[] key, byte[] nonce, int length) {
    byte[] subKey = hash(key, java.util.Arrays.copyOf(nonce, 16));
    byte[] input = new byte[16];
    System.arraycopy(nonce, 16, input, 0, 8);
    byte[] result = new byte[length];
    byte[] block = new byte[BLOCK_BYTES];
    for (int from = 0; from < length; from += BLOCK_BYTES) {
      // No line has so many blocks that the counter would need its second word.
      store(input, 8, from / BLOCK_BYTES);
      int[] before = state(subKey, input);
      int[] after = rounds(before.clone());
      for (int i = 0; i < 16; i++) store(block, 4 * i, before[i] + after[i]);
      System.arraycopy(block, 0, result, from, Math.min(BLOCK_BYTES, length - from));
    }
    return result;
  }

  private static int[] state(byte[] key, byte[] input) {
    int[] words = new int[16];
    for (int i = 0; i < 4; i++) {
      words[5 * i] = CONSTANTS[i];
      words[1 + i] = load(key, 4 * i);
      words[6 + i] = load(input, 4 * i);
      words[11 + i] = load(key, 16 + 4 * i);
    }
    return words;
  }

  private static int[] rounds(int[] x) {
    for (int round = 0; round < 20; round += 2) {
      quarter(x, 0, 4, 8, 12);
      quarter(x, 5, 9, 13, 1);
      quarter(x, 10, 14, 2, 6);
      quarter(x, 15, 3, 7, 11);
      quarter(x, 0, 1, 2, 3);
      quarter(x, 5, 6, 7, 4);
      quarter(x, 10, 11, 8, 9);
      quarter(x, 15, 12, 13, 14);
    }
    return x;
  }

  private static void quarter(int[] x, int a, int b, int c, int d) {
    x[b] ^= Integer.rotateLeft(x[a] + x[d], 7);
    x[c] ^= Integer.rotateLeft(x[b] + x[a], 9);
    x[d] ^= Integer.rotateLeft(x[c] + x[b], 13);
    x[a] ^= Integer.rotateLeft(x[d] + x[c], 18);
  }

  static int load(byte[] bytes, int at) {
    return (bytes[at] & 0xff) | (bytes[at + 1] & 0xff) << 8 | (bytes[at + 2] & 0xff) << 16 | bytes[at + 3] << 24;
  }

  private static void store(byte[] bytes, int at, int word) {
    for (int i = 0; i < 4; i++) bytes[at + i] = (byte) (word >>> (8 * i));
  }
}
