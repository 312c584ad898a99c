package launcher;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds free ports: all at the same time, so that none comes twice. */
final class Ports {
  /** Below what systems give to outgoing connections and to whoever binds port 0. */
  private static final int[] UNCLAIMED = {10_000, 32_767};
  private static final String[] MIN_SIZE = {"GP_MIN_PORT_RANGE_SIZE", "MIN_PORT_RANGE_SIZE", "EG_MIN_PORT_RANGE_SIZE"};

  private Ports() {}

  /** Listens on as many ports as asked. Throws LauncherException when the range is none or has too few free ones. */
  static List<ServerSocket> reserve(String rangeText, int count, Map<String, String> env) {
    int[] range = parse(rangeText, env);
    int low = range == null ? UNCLAIMED[0] : range[0];
    int size = (range == null ? UNCLAIMED[1] : range[1]) - low + 1;
    int start = new SecureRandom().nextInt(size);
    List<ServerSocket> found = new ArrayList<>();
    for (int offset = 0; offset < size && found.size() < count; offset++) {
      ServerSocket socket = listen(low + (start + offset) % size);
      if (socket != null) found.add(socket);
    }
    if (found.size() == count) return found;
    release(found);
    throw new LauncherException(count + " free ports are needed and " + (range == null ? "this host" : rangeText)
        + " has " + found.size() + ": widen --port-range or stop what uses it");
  }

  static void release(List<ServerSocket> sockets) {
    for (ServerSocket socket : sockets) {
      try {
        socket.close();
      } catch (IOException closed) {
        // It is gone either way.
      }
    }
  }

  /** Both ends included; null, meaning any port, for nothing and for equal ends. */
  static int[] parse(String text, Map<String, String> env) {
    if (text == null) return null;
    Matcher parts = Pattern.compile("\\s*(\\d{1,5})\\s*\\.\\.\\s*(\\d{1,5})\\s*").matcher(text);
    String failed = "Port range validation failed for range: '" + text + "'. ";
    if (!parts.matches()) throw new LauncherException(failed + "Expected two numbers as in 40000..42000");
    int low = Integer.parseInt(parts.group(1));
    int high = Integer.parseInt(parts.group(2));
    if (low == high) return null;
    int minSize = 1000;
    for (int i = MIN_SIZE.length - 1; i >= 0; i--) minSize = (int) Options.seconds(env, MIN_SIZE[i], minSize);
    if (high - low < minSize) {
      throw new LauncherException(
          failed + "Range size must be at least " + minSize + " as specified by env GP_MIN_PORT_RANGE_SIZE");
    }
    if (low < 1024 || high > 65535) {
      throw new LauncherException(
          "Invalid port range '" + text + "' specified. Range for valid port numbers is (1024, 65535)");
    }
    return new int[] {low, high};
  }

  private static ServerSocket listen(int port) {
    try {
      ServerSocket socket = new ServerSocket();
      try {
        socket.bind(new InetSocketAddress(port), 128);
        return socket;
      } catch (IOException taken) {
        socket.close();
        return null;
      }
    } catch (IOException error) {
      throw new LauncherException("no socket can be made: " + error.getMessage(), error);
    }
  }
}
