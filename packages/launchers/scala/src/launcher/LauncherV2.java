package launcher;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Base64;
import java.util.Map;

/** What {@code GP_LAUNCHER_V2} gives: version 2's part of the launch, which nobody else may see. */
final class LauncherV2 {
  static final String VARIABLE = "GP_LAUNCHER_V2";

  final byte[] publicKey;
  final String token;
  /** 0 for none. */
  final long leaseSeconds;
  /** Where the answer may be posted, or null. */
  final String httpUrl;
  final String httpToken;

  private LauncherV2(Map<String, Object> fields, String kernelId) {
    if (!Long.valueOf(2).equals(fields.get("version"))) throw new IllegalArgumentException("version is not 2");
    if (!kernelId.equals(fields.get("kernel_id"))) throw new IllegalArgumentException("it is for another kernel id");
    publicKey = key(fields, "public_key");
    token = SealedLine.base64(key(fields, "token"));
    Object lease = fields.get("lease_seconds");
    if (!(lease instanceof Number) || ((Number) lease).doubleValue() < 0) {
      throw new IllegalArgumentException("lease_seconds is no number of seconds");
    }
    leaseSeconds = (long) Math.ceil(((Number) lease).doubleValue());
    Object http = fields.get("http");
    Map<?, ?> place = http instanceof Map ? (Map<?, ?>) http : null;
    httpUrl = place == null ? null : (String) text(place, "url");
    httpToken = place == null ? null : (String) text(place, "token");
    if (httpUrl != null && !httpUrl.matches("https?://.*")) throw new IllegalArgumentException("http.url is no URL");
  }

  /**
   * Takes the parameters out of the environment, and deletes the file when they are in one. Null when there are none.
   *
   * <p>Throws LauncherException when they are unusable.
   */
  static LauncherV2 take(String kernelId) {
    String value = System.getenv(VARIABLE);
    if (value == null || value.isEmpty()) return null;
    forget();
    try {
      return parse(value.startsWith("/") ? readAndDelete(Paths.get(value)) : value, kernelId);
    } catch (IOException | IllegalArgumentException error) {
      // An exception's text might hold a part of the value; what can be said is said by ours.
      String why = error instanceof IOException ? "its file cannot be read" : String.valueOf(error.getMessage());
      throw new LauncherException(VARIABLE + " is unusable: " + why + ". It comes from the gateway; start the kernel anew");
    }
  }

  /** Throws IllegalArgumentException when the value is none, or for another kernel. */
  static LauncherV2 parse(String value, String kernelId) {
    byte[] json;
    try {
      json = Base64.getDecoder().decode(value.trim());
    } catch (IllegalArgumentException notBase64) {
      throw new IllegalArgumentException("it is no base64");
    }
    return new LauncherV2(Json.parseObject(new String(json, StandardCharsets.UTF_8)), kernelId);
  }

  private static byte[] key(Map<String, Object> fields, String name) {
    byte[] bytes = fields.get(name) instanceof String ? SealedLine.unbase64(fields.get(name)) : new byte[0];
    if (bytes.length != SecretBox.KEY_BYTES) throw new IllegalArgumentException(name + " is no key of 32 bytes");
    return bytes;
  }

  private static Object text(Map<?, ?> place, String name) {
    if (place.get(name) instanceof String) return place.get(name);
    throw new IllegalArgumentException("http." + name + " is no text");
  }

  private static String readAndDelete(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    try {
      Files.delete(file);
    } catch (IOException ours) {
      // It may be mounted read-only: then whoever mounted it removes it.
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /**
   * Java gives no way to change the environment; the map behind it can be reached where java.lang is open, as Spark
   * opens it. It is what the kernel's code and its child processes see. Where that fails the value stays, and is of
   * little use: the token in it is spent before the kernel starts.
   */
  @SuppressWarnings("unchecked")
  private static void forget() {
    try {
      Map<String, String> env = System.getenv();
      Field field = env.getClass().getDeclaredField("m");
      field.setAccessible(true);
      ((Map<Object, Object>) field.get(env)).entrySet().removeIf(entry -> VARIABLE.equals(entry.getKey().toString()));
    } catch (ReflectiveOperationException | RuntimeException closed) {
      // As above.
    }
  }
}
