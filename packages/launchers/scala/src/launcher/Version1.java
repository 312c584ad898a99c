package launcher;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.crypto.Cipher;
import javax.crypto.spec.SecretKeySpec;

/** The answer of version 1: encrypted with the gateway's RSA key, not authenticated. */
final class Version1 {
  private static final int AES_KEY_BYTES = 16;

  private Version1() {}

  /** Throws LauncherException when the key is none. */
  static PublicKey readPublicKey(String base64) {
    try {
      byte[] der = Base64.getDecoder().decode(base64.trim());
      return KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(der));
    } catch (GeneralSecurityException | IllegalArgumentException error) {
      throw new LauncherException("--public-key is no RSA key (base64 of its DER form on one line)", error);
    }
  }

  static String payload(PublicKey key, Map<String, Object> connectionInfo) {
    byte[] aesKey = SecretBox.randomBytes(AES_KEY_BYTES);
    Map<String, Object> envelope = new LinkedHashMap<>();
    envelope.put("version", 1L);
    envelope.put("key", SealedLine.base64(encryptKey(key, aesKey)));
    envelope.put("conn_info", SealedLine.base64(encryptInfo(aesKey, Json.write(connectionInfo))));
    return SealedLine.base64(Json.write(envelope).getBytes(StandardCharsets.UTF_8));
  }

  static byte[] encryptKey(PublicKey key, byte[] aesKey) {
    try {
      Cipher rsa = Cipher.getInstance("RSA/ECB/PKCS1Padding");
      rsa.init(Cipher.ENCRYPT_MODE, key);
      return rsa.doFinal(aesKey);
    } catch (GeneralSecurityException error) {
      throw new LauncherException("the key of --public-key cannot encrypt: " + error.getMessage(), error);
    }
  }

  static byte[] encryptInfo(byte[] aesKey, String json) {
    try {
      // Its PKCS5Padding is PKCS #7 for AES.
      Cipher aes = Cipher.getInstance("AES/ECB/PKCS5Padding");
      aes.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(aesKey, "AES"));
      return aes.doFinal(json.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException error) {
      throw new LauncherException("AES does not work in this Java: " + error.getMessage(), error);
    }
  }
}
