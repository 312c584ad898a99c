package launcher;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/**
 * Random input for all that the launcher reads, from a seed, for so many seconds: whatever comes is refused in the way
 * that is foreseen, and a good request afterwards is served. Prints how many inputs there were and were accepted.
 */
public final class ListenerFuzz {
  private static final String KERNEL_ID = "fuzz";
  private static final byte[] KEY = Arrays.copyOf("the key of the fuzzer's channel".getBytes(StandardCharsets.UTF_8), 32);
  private static final String[] PIECES = {"{", "}", "[", "]", "\"", ":", ",", "\\u12", "\\", "null", "true", "-", "1e999",
      "0.5", "9223372036854775808", "\"signum\"", "\"shutdown\"", "\"version\"", "2", "\n", "\0", "\ud800", "é", " "};

  private final Random random;
  private final IdleKernel kernel = new IdleKernel();
  private long runs;
  private long accepted;

  private ListenerFuzz(long seed) {
    random = new Random(seed);
  }

  public static void main(String[] args) throws Exception {
    ListenerFuzz fuzz = new ListenerFuzz(Long.parseLong(args[0]));
    fuzz.run(System.nanoTime() + (long) (Double.parseDouble(args[1]) * 1e9));
    System.out.println(fuzz.runs + " " + fuzz.accepted);
  }

  private void run(long deadline) throws Exception {
    CommListener first = new CommListener(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    first.start(CommListener.version1(kernel, () -> { }));
    CommListener second = new CommListener(new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    second.start(CommListener.version2(KEY, KERNEL_ID, kernel, new Lease(60)));
    while (System.nanoTime() < deadline) {
      for (int i = 0; i < 200; i++) parsers();
      peer(first.port(), mutated(version1Request()));
      peer(second.port(), mutated(SealedLine.seal(KEY, request("AAAA"))));
      pingVersion2(second.port());
      signalVersion1(first.port());
    }
  }

  private void parsers() {
    String json = mutated(Json.write(request(text())));
    attempt(json, () -> {
      Object value = Json.parse(json);
      if (!value(Json.parse(Json.write(value))).equals(value(value))) throw new AssertionError("JSON changed");
    });
    String line = mutated(SealedLine.seal(KEY, request(text())));
    attempt(line, () -> {
      if (SealedLine.open(KEY, line.getBytes(StandardCharsets.UTF_8)) == null) throw new IllegalArgumentException();
    });
    byte[] challenge = new byte[32];
    CommSession session = new CommSession(KEY, KERNEL_ID, challenge, kernel, new Lease(60));
    String sealed = SealedLine.seal(KEY, anyRequest(SealedLine.base64(challenge)));
    attempt(sealed, () -> {
      String reply = session.handle(sealed.getBytes(StandardCharsets.UTF_8));
      if (reply == null) throw new IllegalArgumentException();
      if (SealedLine.open(KEY, reply.getBytes(StandardCharsets.UTF_8)) == null) throw new AssertionError("unreadable reply");
      session.replied();
    });
    String launch = mutated(SealedLine.base64(mutated("{\"version\":2,\"kernel_id\":\"fuzz\",\"public_key\":\""
        + SealedLine.base64(KEY) + "\",\"token\":\"" + SealedLine.base64(KEY) + "\",\"lease_seconds\":3600}").getBytes(StandardCharsets.UTF_8)));
    attempt(launch, () -> LauncherV2.parse(launch, KERNEL_ID));
    String range = mutated("40000..42000");
    attempt(range, () -> Ports.parse(range, new HashMap<>()));
    String address = mutated("[::1]:8877");
    attempt(address, () -> Answer.parseAddress(address));
    String[] args = mutated("--kernel-id a --port-range 0..0 --x=1 --RemoteProcessProxy.public-key k -- more").split(" ");
    attempt(Arrays.toString(args), () -> new Options(args, new HashMap<>()));
    LogTail tail = new LogTail();
    byte[] output = text().getBytes(StandardCharsets.UTF_16);
    int most = random.nextInt(100);
    attempt(Arrays.toString(output), () -> {
      for (int i = 0; i < 3; i++) tail.add(output, 0, output.length);
      if (tail.tail(most).getBytes(StandardCharsets.UTF_8).length > most) throw new AssertionError("tail is too long");
    });
  }

  private void attempt(String input, Runnable parse) {
    runs++;
    try {
      parse.run();
      accepted++;
    } catch (IllegalArgumentException | LauncherException refused) {
      // As foreseen.
    } catch (RuntimeException | Error broken) {
      throw new AssertionError("broken by " + Json.write(input), broken);
    }
  }

  /** Null has no methods. */
  private static Object value(Object value) {
    return value == null ? "null" : value;
  }

  private void peer(int port, String text) throws IOException {
    runs++;
    try (Socket socket = connect(port)) {
      socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
      if (random.nextBoolean()) socket.shutdownOutput();
      if (random.nextInt(4) == 0) socket.setSoLinger(true, 0);
    } catch (IOException closed) {
      // The listener may close while we write.
    }
  }

  private void pingVersion2(int port) throws IOException {
    try (Socket socket = connect(port)) {
      Lines lines = new Lines(socket);
      String hello = new String(lines.line(30_000), StandardCharsets.UTF_8);
      OutputStream output = socket.getOutputStream();
      String challenge = (String) Json.parseObject(hello).get("challenge");
      output.write(SealedLine.seal(KEY, request(challenge)).getBytes(StandardCharsets.UTF_8));
      Map<String, Object> reply = SealedLine.open(KEY, lines.line(30_000));
      if (reply == null || !Boolean.TRUE.equals(reply.get("ok"))) throw new AssertionError("no good reply: " + reply);
    }
  }

  private void signalVersion1(int port) throws Exception {
    long before = kernel.orders.get();
    try (Socket socket = connect(port)) {
      socket.getOutputStream().write("{\"signum\": \"2\"}".getBytes(StandardCharsets.UTF_8));
      socket.shutdownOutput();
      // Closed by the listener when the request was handled.
      if (socket.getInputStream().read() >= 0) throw new AssertionError("version 1 never writes");
    }
    if (kernel.orders.get() <= before) throw new AssertionError("a signal was not delivered");
  }

  private static Socket connect(int port) throws IOException {
    Socket socket = new Socket();
    socket.setSoTimeout(30_000);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 30_000);
    return socket;
  }

  private Map<String, Object> request(String challenge) {
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("to", "launcher");
    request.put("kernel_id", KERNEL_ID);
    request.put("challenge", challenge);
    request.put("seq", 1L);
    request.put("request", "ping");
    return request;
  }

  private Map<String, Object> anyRequest(String challenge) {
    Map<String, Object> request = request(challenge);
    request.put("request", random.nextInt(5) == 0 ? text() : CommSession.REQUESTS.get(random.nextInt(5)));
    request.put(random.nextBoolean() ? "signum" : "max_log_bytes", anything());
    if (random.nextInt(4) == 0) request.put(new String[] {"to", "kernel_id", "challenge", "seq"}[random.nextInt(4)], anything());
    return request;
  }

  private String version1Request() {
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("signum", anything());
    request.put("shutdown", anything());
    return Json.write(request);
  }

  private Object anything() {
    Object[] values = {null, true, 1L, 9L, 64L, 65L, -1L, Long.MAX_VALUE, 0.5, 1e300, "2", text(), Arrays.asList(1L, "x"), new HashMap<>()};
    return values[random.nextInt(values.length)];
  }

  private String text() {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(8); i > 0; i--) text.append(PIECES[random.nextInt(PIECES.length)]);
    return text.toString();
  }

  /** Now and then left as it is, else cut, stretched, or with pieces put in its place. */
  private String mutated(String text) {
    StringBuilder result = new StringBuilder(text);
    for (int changes = random.nextInt(4); changes > 0 && result.length() > 0; changes--) {
      int at = random.nextInt(result.length());
      switch (random.nextInt(5)) {
        case 0:
          result.setLength(at);
          break;
        case 1:
          result.insert(at, PIECES[random.nextInt(PIECES.length)]);
          break;
        case 2:
          result.setCharAt(at, (char) random.nextInt(0x180));
          break;
        case 3:
          result.insert(at, result.substring(at / 2, at));
          break;
        default:
          result.deleteCharAt(at);
      }
    }
    return result.toString();
  }
}
