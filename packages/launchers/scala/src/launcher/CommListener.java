package launcher;

import java.io.IOException;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;

/** Takes the gateway's orders. Whatever comes, the next connection is served; none waits for another. */
final class CommListener {
  /** Milliseconds for a line, and for the whole request of version 1. */
  private static final long LINE_MS = 10_000;
  /** Beyond that many, the one that is open longest is closed. */
  private static final int MAX_CONNECTIONS = 64;

  /** What is done with one connection; it is closed afterwards. */
  interface Protocol {
    void serve(Socket socket) throws Exception;
  }

  private final ServerSocket server;
  private final Deque<Socket> open = new ArrayDeque<>();

  CommListener(ServerSocket server) {
    this.server = server;
  }

  void start(Protocol protocol) {
    daemon("comm-listener", () -> accept(protocol));
  }

  int port() {
    return server.getLocalPort();
  }

  void close() {
    try {
      server.close();
    } catch (IOException closed) {
      // It is gone either way.
    }
  }

  /** Requests of version 1: one object a connection, no reply, numbers also as text. */
  static Protocol version1(Kernel kernel, Runnable stop) {
    return socket -> {
      byte[] bytes = new Lines(socket).rest(LINE_MS);
      if (bytes == null || bytes.length == 0) return;
      Map<String, Object> request = Json.parseObject(new String(bytes, StandardCharsets.UTF_8));
      int signum = number(request.get("signum"));
      if (signum > 0 && signum <= 64 && kernel.exit() == null) kernel.signal(signum);
      Object shutdown = request.get("shutdown");
      if (Boolean.TRUE.equals(shutdown) || number(shutdown) > 0) stop.run();
    };
  }

  static Protocol version2(byte[] key, String kernelId, Kernel kernel, Lease lease) {
    return socket -> {
      CommSession session = new CommSession(key, kernelId, SecretBox.randomBytes(32), kernel, lease);
      OutputStream output = socket.getOutputStream();
      Lines lines = new Lines(socket);
      write(output, session.hello());
      for (byte[] line = lines.line(LINE_MS); line != null; line = lines.line(LINE_MS)) {
        String reply = session.handle(line);
        if (reply == null) return;
        try {
          write(output, reply);
        } finally {
          // An order holds even when its sender did not wait for the reply.
          session.replied();
        }
      }
    };
  }

  static Thread daemon(String name, Runnable task) {
    Thread thread = new Thread(task, "launcher-" + name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /** Of a number or of decimal text; -1 for everything else. */
  private static int number(Object value) {
    if (value instanceof Number && ((Number) value).doubleValue() == ((Number) value).intValue()) {
      return ((Number) value).intValue();
    }
    return value instanceof String && ((String) value).trim().matches("[0-9]{1,3}")
        ? Integer.parseInt(((String) value).trim()) : -1;
  }

  private void accept(Protocol protocol) {
    while (!server.isClosed()) {
      try {
        Socket socket = server.accept();
        try {
          register(socket);
          daemon("comm", () -> serve(protocol, socket));
        } catch (Throwable noThread) {
          finish(socket);
          throw noThread;
        }
      } catch (Throwable error) {
        // No files, no memory, no threads: that may pass.
        if (!server.isClosed()) pause();
      }
    }
  }

  private void serve(Protocol protocol, Socket socket) {
    try {
      protocol.serve(socket);
    } catch (IOException | IllegalArgumentException peer) {
      // Gone, too slow, or talking nonsense.
    } catch (Throwable error) {
      ToreeLauncher.say("a request failed: " + error);
    } finally {
      finish(socket);
    }
  }

  private void register(Socket socket) throws IOException {
    Socket oldest = null;
    synchronized (open) {
      open.add(socket);
      if (open.size() > MAX_CONNECTIONS) oldest = open.poll();
    }
    if (oldest != null) oldest.close();
  }

  private void finish(Socket socket) {
    synchronized (open) {
      open.remove(socket);
    }
    try {
      socket.close();
    } catch (IOException closed) {
      // It is gone either way.
    }
  }

  private static void write(OutputStream output, String line) throws IOException {
    output.write(line.getBytes(StandardCharsets.UTF_8));
    output.flush();
  }

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException notUs) {
      Thread.currentThread().interrupt();
    }
  }
}
