package launcher;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** Lines of version 2 whose content only the holder of a key can read or make. */
final class SealedLine {
  static final long VERSION = 2;

  private SealedLine() {}

  static String seal(byte[] key, Map<String, ?> content) {
    return write(new LinkedHashMap<>(), key, content);
  }

  /** The answer's line: it also says whose public key the listener shall use. */
  static String seal(byte[] key, String kernelId, byte[] publicKey, Map<String, ?> content) {
    Map<String, Object> head = new LinkedHashMap<>();
    head.put("kernel_id", kernelId);
    head.put("public_key", base64(publicKey));
    return write(head, key, content);
  }

  /** The content, or null when the line is none of ours. */
  static Map<String, Object> open(byte[] key, byte[] line) {
    try {
      Map<String, Object> envelope = Json.parseObject(new String(line, StandardCharsets.UTF_8));
      if (!Long.valueOf(VERSION).equals(envelope.get("version"))) return null;
      byte[] text = SecretBox.open(key, unbase64(envelope.get("nonce")), unbase64(envelope.get("box")));
      return text == null ? null : Json.parseObject(new String(text, StandardCharsets.UTF_8));
    } catch (IllegalArgumentException garbage) {
      return null;
    }
  }

  private static String write(Map<String, Object> head, byte[] key, Map<String, ?> content) {
    byte[] nonce = SecretBox.randomBytes(SecretBox.NONCE_BYTES);
    byte[] text = Json.write(content).getBytes(StandardCharsets.UTF_8);
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("version", VERSION);
    line.putAll(head);
    line.put("nonce", base64(nonce));
    line.put("box", base64(SecretBox.seal(key, nonce, text)));
    return Json.write(line) + "\n";
  }

  static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  /** Throws IllegalArgumentException when the value is no base64. */
  static byte[] unbase64(Object value) {
    if (value instanceof String) return Base64.getDecoder().decode((String) value);
    throw new IllegalArgumentException("no base64");
  }
}
