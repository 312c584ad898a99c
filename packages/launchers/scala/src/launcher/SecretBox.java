package launcher;

import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;

/** NaCl's {@code secretbox} and {@code box}: XSalsa20 with Poly1305, the tag before the text. */
final class SecretBox {
  static final int KEY_BYTES = 32;
  static final int NONCE_BYTES = 24;
  private static final int TAG_BYTES = 16;
  private static final SecureRandom RANDOM = new SecureRandom();

  private SecretBox() {}

  static byte[] randomBytes(int length) {
    byte[] bytes = new byte[length];
    RANDOM.nextBytes(bytes);
    return bytes;
  }

  /** The key that both sides of a {@code box} share. Throws when the public key is of low order. */
  static byte[] sharedKey(byte[] theirPublicKey, byte[] ourSecretKey) {
    byte[] product = X25519.multiply(ourSecretKey, theirPublicKey);
    if (MessageDigest.isEqual(product, new byte[KEY_BYTES])) throw new LauncherException("the public key is weak");
    return Salsa20.hash(product, new byte[16]);
  }

  static byte[] seal(byte[] key, byte[] nonce, byte[] text) {
    byte[] stream = Salsa20.stream(key, nonce, KEY_BYTES + text.length);
    byte[] cipher = text.clone();
    for (int i = 0; i < cipher.length; i++) cipher[i] ^= stream[KEY_BYTES + i];
    byte[] tag = Poly1305.tag(Arrays.copyOf(stream, KEY_BYTES), cipher);
    byte[] box = Arrays.copyOf(tag, TAG_BYTES + cipher.length);
    System.arraycopy(cipher, 0, box, TAG_BYTES, cipher.length);
    return box;
  }

  /** The text, or null when the box was not sealed with this key and nonce. */
  static byte[] open(byte[] key, byte[] nonce, byte[] box) {
    if (nonce.length != NONCE_BYTES || box.length < TAG_BYTES) return null;
    byte[] cipher = Arrays.copyOfRange(box, TAG_BYTES, box.length);
    byte[] stream = Salsa20.stream(key, nonce, KEY_BYTES + cipher.length);
    byte[] tag = Poly1305.tag(Arrays.copyOf(stream, KEY_BYTES), cipher);
    if (!MessageDigest.isEqual(tag, Arrays.copyOf(box, TAG_BYTES))) return null;
    for (int i = 0; i < cipher.length; i++) cipher[i] ^= stream[KEY_BYTES + i];
    return cipher;
  }
}
