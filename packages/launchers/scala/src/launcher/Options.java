package launcher;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the command line says, and the environment where it is silent; the rest is Toree's. */
final class Options {
  private static final String LEGACY_PREFIX = "RemoteProcessProxy.";
  private static final List<String> OURS = Arrays.asList("kernel-id", "response-address", "public-key", "port-range",
      "spark-context-initialization-mode", "alternate-sigint", "transport-encryption", "profile");

  final String kernelId;
  /** Null when nothing was said; the same holds for the next. */
  final String responseAddress;
  final String publicKey;
  final String portRange;
  final String sparkContextMode;
  /** The signal, without SIG, upon which Toree interrupts what it executes. */
  final String alternateSigint;
  final List<String> forToree = new ArrayList<>();

  private final Map<String, String> given = new HashMap<>();
  private final Map<String, String> legacy = new HashMap<>();

  Options(String[] args, Map<String, String> env) {
    read(args);
    kernelId = value("kernel-id", env.get("KERNEL_ID"));
    responseAddress = value("response-address", env.get("RESPONSE_ADDRESS"));
    publicKey = value("public-key", env.get("PUBLIC_KEY"));
    portRange = value("port-range", env.get("PORT_RANGE"));
    String mode = value("spark-context-initialization-mode", env.get("KERNEL_SPARK_CONTEXT_INIT_MODE"));
    sparkContextMode = mode == null ? "lazy" : mode;
    // Not SIGINT: the second of two within three seconds ends Toree.
    String sigint = value("alternate-sigint", null);
    alternateSigint = (sigint == null ? "USR2" : sigint).replaceFirst("^SIG", "");
    check(value("transport-encryption", null));
  }

  private void check(String transportEncryption) {
    if (kernelId == null) throw new LauncherException("--kernel-id is missing");
    if (!kernelId.matches("[A-Za-z0-9._-]{1,128}")) {
      throw new LauncherException("--kernel-id may have 128 letters, digits, '.', '_' and '-' at most");
    }
    if (responseAddress != null) Answer.parseAddress(responseAddress);
    if (!sparkContextMode.matches("lazy|eager|none")) {
      throw new LauncherException("--spark-context-initialization-mode '" + sparkContextMode + "' is none of lazy, eager, none");
    }
    if (!alternateSigint.matches("[A-Z0-9]+")) {
      throw new LauncherException("--alternate-sigint '" + alternateSigint + "' is no name of a signal, such as USR2");
    }
    if ("required".equals(transportEncryption)) {
      throw new LauncherException("--transport-encryption required: Toree has no CurveZMQ; use auto or disabled");
    }
    if (given.get("profile") != null) {
      throw new LauncherException("--profile: the launcher makes the connection file itself; leave the option out");
    }
  }

  private void read(String[] args) {
    for (int i = 0; i < args.length; i++) {
      // What follows is for the interpreter.
      if (args[i].equals("--")) {
        forToree.addAll(Arrays.asList(args).subList(i, args.length));
        return;
      }
      int equals = args[i].indexOf('=');
      String name = equals < 0 ? args[i] : args[i].substring(0, equals);
      boolean old = name.startsWith("--" + LEGACY_PREFIX);
      String ours = name.startsWith("--") ? name.substring(old ? 2 + LEGACY_PREFIX.length() : 2) : "";
      if (!OURS.contains(ours)) {
        forToree.add(args[i]);
      } else if (equals >= 0) {
        (old ? legacy : given).put(ours, args[i].substring(equals + 1));
      } else if (i + 1 < args.length && !args[i + 1].startsWith("--")) {
        (old ? legacy : given).put(ours, args[++i]);
      }
    }
  }

  /** The new spelling counts when both are given; empty text is as good as nothing. */
  private String value(String name, String otherwise) {
    for (String value : new String[] {given.get(name), legacy.get(name), otherwise}) {
      if (value != null && !value.trim().isEmpty()) return value.trim();
    }
    return null;
  }

  /** A number of seconds from the environment. */
  static double seconds(Map<String, String> env, String name, double otherwise) {
    try {
      double value = Double.parseDouble(env.getOrDefault(name, ""));
      return value >= 0 && value < 1e9 ? value : otherwise;
    } catch (NumberFormatException none) {
      return otherwise;
    }
  }
}
