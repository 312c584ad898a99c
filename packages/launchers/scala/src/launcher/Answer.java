package launcher;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.util.LinkedHashMap;
import java.util.Map;

/** Tells the gateway how to reach the kernel, as often as it takes. */
final class Answer {
  private static final int CONNECT_MS = 10_000;
  /** Where HTTP is offered, a firewall may swallow what goes to the response address. */
  private static final int CONNECT_BEFORE_HTTP_MS = 3_000;
  private static final int REPLY_MS = 30_000;
  private static final long FIRST_PAUSE_MS = 250;
  private static final long LONGEST_PAUSE_MS = 5_000;

  private final String responseAddress;
  private final long deadline;
  private String problem = "nothing was tried";
  /** The answer was on its way at least once, whatever came back. */
  private boolean mayHaveArrived;

  /** The address may be null where the answer goes over HTTP alone. */
  Answer(String responseAddress, double retrySeconds) {
    this.responseAddress = responseAddress;
    this.deadline = System.nanoTime() + (long) (retrySeconds * 1e9);
  }

  void version1(PublicKey key, Map<String, Object> connectionInfo) {
    String payload = Version1.payload(key, connectionInfo);
    untilDone(() -> direct(payload, CONNECT_MS, false) != null);
  }

  /** The information must hold the key of the comm channel. */
  void version2(LauncherV2 launch, String kernelId, Map<String, Object> connectionInfo) {
    byte[] secretKey = SecretBox.randomBytes(SecretBox.KEY_BYTES);
    byte[] shared = SecretBox.sharedKey(launch.publicKey, secretKey);
    Map<String, Object> content = new LinkedHashMap<>(connectionInfo);
    content.put("token", launch.token);
    content.put("launcher", "toree-launcher/" + ToreeLauncher.VERSION);
    content.put("capabilities", CommSession.REQUESTS);
    String line = SealedLine.seal(shared, kernelId, X25519.publicKey(secretKey), content);
    int connectMs = launch.httpUrl == null ? CONNECT_MS : CONNECT_BEFORE_HTTP_MS;
    untilDone(() -> {
      boolean before = mayHaveArrived;
      byte[] reply = responseAddress == null ? null : direct(line, connectMs, true);
      if (reply == null && launch.httpUrl != null) {
        before = mayHaveArrived;
        reply = post(launch, line);
      }
      return reply != null && isTaken(shared, kernelId, reply, before);
    });
  }

  /**
   * Whether the answer was taken; false when it is to be sent again. Throws LauncherException after a refusal.
   *
   * @param sentBefore the gateway may have had it before this reply
   */
  static boolean isTaken(byte[] shared, String kernelId, byte[] reply, boolean sentBefore) {
    Map<String, Object> content = SealedLine.open(shared, reply);
    if (content != null && "launcher".equals(content.get("to")) && kernelId.equals(content.get("kernel_id"))) {
      if (Boolean.TRUE.equals(content.get("ok"))) return true;
      // By us, and the reply was lost; but one who never asked before was preceded by another.
      if (sentBefore && "already_answered".equals(content.get("error"))) return true;
      throw new LauncherException("the gateway did not take the answer: " + content.get("message"));
    }
    if (content == null && isPlainRefusal(reply)) {
      throw refused();
    }
    return false;
  }

  private static LauncherException refused() {
    return new LauncherException("the gateway refused the answer: it does not wait for this launch (any more)");
  }

  private static boolean isPlainRefusal(byte[] reply) {
    try {
      return "refused".equals(Json.parseObject(new String(reply, StandardCharsets.UTF_8)).get("error"));
    } catch (IllegalArgumentException garbage) {
      return false;
    }
  }

  private interface Attempt {
    boolean run() throws IOException;
  }

  private void untilDone(Attempt attempt) {
    long pauseMs = FIRST_PAUSE_MS;
    while (true) {
      try {
        if (attempt.run()) return;
      } catch (IOException error) {
        problem = responseAddress + ": " + error.getMessage();
      }
      if (remainingMs(Long.MAX_VALUE) <= pauseMs) {
        throw new LauncherException("the gateway could not be told about the kernel: " + problem
            + ". Check that this host can reach the response address");
      }
      sleep(pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }

  /** The reply, empty when none is read; null when it did not work. */
  private byte[] direct(String text, int connectMs, boolean reads) {
    try (Socket socket = new Socket()) {
      socket.connect(parseAddress(responseAddress), remainingMs(connectMs));
      mayHaveArrived = true;
      OutputStream output = socket.getOutputStream();
      output.write(text.getBytes(StandardCharsets.UTF_8));
      output.flush();
      if (!reads) return new byte[0];
      byte[] reply = new Lines(socket).line(remainingMs(REPLY_MS));
      if (reply == null) problem = responseAddress + ": closed without a reply";
      return reply;
    } catch (IOException error) {
      problem = responseAddress + ": " + error.getMessage();
      return null;
    }
  }

  private byte[] post(LauncherV2 launch, String line) {
    try {
      HttpURLConnection connection = (HttpURLConnection) new URL(launch.httpUrl).openConnection();
      connection.setInstanceFollowRedirects(false);
      connection.setConnectTimeout(remainingMs(CONNECT_MS));
      connection.setReadTimeout(remainingMs(REPLY_MS));
      connection.setRequestMethod("POST");
      connection.setRequestProperty("Authorization", "token " + launch.httpToken);
      connection.setRequestProperty("Content-Type", "application/json");
      connection.setDoOutput(true);
      try (OutputStream output = connection.getOutputStream()) {
        mayHaveArrived = true;
        output.write(line.getBytes(StandardCharsets.UTF_8));
      }
      int status = connection.getResponseCode();
      problem = launch.httpUrl + ": HTTP status " + status;
      try (InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
        byte[] reply = body == null ? new byte[0] : firstBytes(body);
        // A refusal without words is the gateway's; a proxy's has a page, which is no reply, and may pass.
        if (status == 403 && reply.length == 0) throw refused();
        return reply;
      } finally {
        connection.disconnect();
      }
    } catch (IOException error) {
      problem = launch.httpUrl + ": " + error.getMessage();
      return null;
    }
  }

  private static byte[] firstBytes(InputStream input) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    byte[] chunk = new byte[4096];
    for (int got = input.read(chunk); got >= 0 && bytes.size() < Lines.MAX_BYTES; got = input.read(chunk)) {
      bytes.write(chunk, 0, got);
    }
    return bytes.toByteArray();
  }

  /** {@code host:port}, an IPv6 address in brackets. Throws LauncherException when it is none. */
  static InetSocketAddress parseAddress(String text) {
    int colon = text.lastIndexOf(':');
    String host = colon < 0 ? "" : text.substring(0, colon);
    boolean bracketed = host.startsWith("[") && host.endsWith("]");
    if (bracketed) host = host.substring(1, host.length() - 1);
    boolean isHost = !host.isEmpty() && (bracketed || host.indexOf(':') < 0);
    if (!isHost || !text.substring(colon + 1).matches("[0-9]{1,5}")) {
      throw new LauncherException("--response-address '" + text + "' is no host:port, such as 10.0.0.7:8877");
    }
    int port = Integer.parseInt(text.substring(colon + 1));
    if (port < 1 || port > 65535) throw new LauncherException("--response-address has no port from 1 to 65535: " + port);
    return new InetSocketAddress(host, port);
  }

  private int remainingMs(long atMost) {
    return (int) Math.max(1, Math.min(Math.min(atMost, Integer.MAX_VALUE), (deadline - System.nanoTime()) / 1_000_000));
  }

  private static void sleep(long ms) {
    try {
      Thread.sleep(ms);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
      throw new LauncherException("interrupted before the gateway was told about the kernel", error);
    }
  }
}
